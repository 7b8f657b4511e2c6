//! What is to be kept ready, as clients have ordered it. An order lives as long as the connection
//! that it came on; those of several add up, to the launcher's own ceilings.

use crate::protocol::message::{ErrorCode, Limits, Recipe, Words};
use crate::protocol::pool::Keep;
use crate::supervise::spares::shelf::{Breed, Runtime};
use std::rc::{Rc, Weak};

/// However long a client lets them wait.
const AGE_NS_MAX: u64 = 3_600_000_000_000;

/// Sandboxes of one breed and purpose.
#[derive(Clone)]
pub struct Line {
    pub breed: Breed,
    pub is_kept: bool,
    pub count: usize,
    /// Of the request that they are made for.
    pub limits: Limits,
    /// How long one waits before another takes its place.
    pub age_ns: u64,
}

pub struct Order {
    lines: Vec<Line>,
}

impl Order {
    /// # Errors
    /// `RECIPE` for one that is not known.
    pub fn of(
        asked: Vec<Keep>,
        age_ms: u64,
        mut recipe: impl FnMut(&str) -> Option<Rc<Recipe>>,
    ) -> Result<Order, (ErrorCode, String)> {
        let age_ns = age_ms.saturating_mul(1_000_000).min(AGE_NS_MAX);
        let line = |Keep { recipe: digest, args, keep, count, limits }| {
            let unknown = || (ErrorCode::Recipe, format!("unknown recipe {digest}"));
            let recipe = recipe(&digest).ok_or_else(unknown)?;
            let breed = breed_for(&recipe, &args, &limits);
            Ok(Line { breed, is_kept: keep, count, limits, age_ns })
        };
        Ok(Order { lines: asked.into_iter().map(line).collect::<Result<_, _>>()? })
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// What a request of this recipe would best be served by.
pub fn breed_for(recipe: &Rc<Recipe>, args: &[String], limits: &Limits) -> Breed {
    let Limits { stack_kb, cpus, .. } = *limits;
    let runtime = recipe.boot.as_ref().and_then(|boot| {
        if boot.hears_no_more() && args.len() > boot.args {
            return None;
        }
        let args = args.get(..boot.args)?.into();
        Some(Runtime { recipe: Rc::clone(recipe), args, stack_kb, cpus })
    });
    Breed { rootfs: recipe.rootfs.clone(), runtime }
}

/// What could serve a request, the best first. An environment of its own may be more than a runtime
/// can take on.
pub fn choices((recipe, words): (&Rc<Recipe>, &Words), limits: &Limits) -> Vec<Breed> {
    let best = breed_for(recipe, &words.args, limits);
    let bare = Breed { rootfs: recipe.rootfs.clone(), runtime: None };
    match best.runtime {
        Some(_) if recipe.boot_serves(&words.env) => vec![best, bare],
        _ => vec![bare],
    }
}

#[derive(Default)]
pub struct Orders {
    placed: Vec<Weak<Order>>,
    is_changed: bool,
}

impl Orders {
    /// It lives as long as what is given back.
    pub fn place(&mut self, order: Order) -> Rc<Order> {
        let order = Rc::new(order);
        self.placed.push(Rc::downgrade(&order));
        self.is_changed = true;
        order
    }

    /// All lines, those of one breed and purpose together, where something has changed since.
    pub fn changed(&mut self) -> Option<Vec<Line>> {
        let before = self.placed.len();
        self.placed.retain(|order| order.strong_count() > 0);
        let is_changed = std::mem::take(&mut self.is_changed) || self.placed.len() < before;
        is_changed.then(|| merged(self.placed.iter().filter_map(Weak::upgrade)))
    }
}

fn merged(orders: impl Iterator<Item = Rc<Order>>) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    for order in orders {
        for line in &order.lines {
            let same = |each: &&mut Line| each.breed == line.breed && each.is_kept == line.is_kept;
            match all.iter_mut().find(same) {
                Some(known) => {
                    known.count += line.count;
                    known.age_ns = known.age_ns.min(line.age_ns);
                    known.limits = line.limits;
                }
                None => all.push(line.clone()),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::{Boot, Hold};
    use crate::supervise::spares::shelf::FIRST;

    fn recipe(boot_args: Option<usize>) -> Rc<Recipe> {
        let boot = boot_args.map(|args| Boot {
            command: vec!["/bin/x".to_string()],
            args,
            opens: None,
            keeps_env: vec!["LC_*".to_string(), "TZ".to_string()],
            keeps_args: false,
            says_ready: false,
            blank: None,
            template: false,
            holds: None,
            env: Default::default(),
            name: "x".to_string(),
            program: String::new(),
        });
        let command = vec!["/bin/x".to_string()];
        Rc::new(Recipe { rootfs: "host".to_string(), command, env: Default::default(), boot })
    }

    fn keep(recipe: &str, args: &[&str], count: usize) -> Keep {
        let args = args.iter().map(|arg| arg.to_string()).collect();
        Keep { recipe: recipe.to_string(), args, keep: false, count, limits: FIRST }
    }

    #[test]
    fn orders_add_up_and_each_goes_with_its_client() {
        let (plain, booted) = (recipe(None), recipe(Some(1)));
        let known = |digest: &str| match digest {
            "plain" => Some(Rc::clone(&plain)),
            "booted" => Some(Rc::clone(&booted)),
            _ => None,
        };
        let mut orders = Orders::default();
        let mut order = |lines: Vec<Keep>| {
            Order::of(lines, 1000, known).map(|order| orders.place(order)).map_err(|(code, _)| code)
        };
        assert_eq!(order(vec![keep("none", &[], 1)]).map(drop), Err(ErrorCode::Recipe));
        let one = order(vec![keep("plain", &["a"], 2), keep("booted", &["a", "b"], 1)]);
        let two = order(vec![keep("plain", &["b"], 3), keep("booted", &["b"], 4)]);
        assert!(one.is_ok() && two.is_ok());
        let counts = |lines: Option<Vec<Line>>| {
            lines.map(|lines| lines.iter().map(|line| line.count).collect::<Vec<_>>())
        };
        assert_eq!(counts(orders.changed()), Some(vec![5, 1, 4]));
        assert_eq!(counts(orders.changed()), None);
        drop(one);
        assert_eq!(counts(orders.changed()), Some(vec![3, 4]));
        drop(two);
        assert_eq!(counts(orders.changed()), Some(vec![]));
    }

    #[test]
    fn a_variable_that_a_runtime_has_read_already_starts_cold() {
        let serves = |name: &str, kept: Option<&str>| {
            let mut recipe = (*recipe(Some(1))).clone();
            if let (Some(boot), Some(kept)) = (&mut recipe.boot, kept) {
                boot.keeps_env = vec![kept.to_string()];
            }
            recipe.boot_serves(&[(name.to_string(), String::new())].into())
        };
        let rows = [("TZ", false), ("LC_ALL", false), ("LC_", false), ("LC", true), ("TZ2", true)];
        for (name, expected) in rows {
            assert_eq!(serves(name, None), expected, "{name}");
        }
        assert!(!serves("ANY", Some("*")));
        assert!(recipe(None).boot_serves(&[("TZ".to_string(), String::new())].into()));
        assert!(recipe(Some(1)).boot_serves(&Default::default()));
    }

    #[test]
    fn a_request_with_too_few_arguments_boots_nothing() {
        let args = ["a".to_string()];
        assert!(breed_for(&recipe(Some(2)), &args, &FIRST).runtime.is_none());
        assert!(breed_for(&recipe(Some(1)), &args, &FIRST).runtime.is_some());
    }

    #[test]
    fn what_is_held_or_keeps_its_arguments_can_be_told_none() {
        let args = ["main.lua".to_string(), "a".to_string()];
        for (holds, keeps_args) in [(Some(Hold::Program), false), (None, true)] {
            let mut recipe = (*recipe(Some(1))).clone();
            recipe.boot = recipe.boot.map(|boot| Boot { holds, keeps_args, ..boot });
            let recipe = Rc::new(recipe);
            assert!(breed_for(&recipe, &args, &FIRST).runtime.is_none());
            assert!(breed_for(&recipe, &args[..1], &FIRST).runtime.is_some());
        }
    }
}
