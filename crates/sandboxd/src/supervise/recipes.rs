//! What the launcher was told ahead of any request, and nothing that it was not told: its roots are
//! the host's and those below its own folder of packs, and no recipe adds to them.

use crate::confine::packs::{is_digest, HOST};
use crate::protocol::message::{Boot, ErrorCode, Recipe};
use std::collections::HashMap;
use std::rc::Rc;

/// The one that was used longest ago makes room: who needs it tells it again.
const RECIPES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 64;
const PROGRAM_BYTES_MAX: usize = 32 * 1024;
const ARGS_MAX: usize = 64;

pub struct Recipes {
    serves_packs: bool,
    known: HashMap<String, Known>,
    uses: u64,
}

struct Known {
    recipe: Rc<Recipe>,
    used: u64,
}

impl Recipes {
    pub fn new(serves_packs: bool) -> Recipes {
        Recipes { serves_packs, known: HashMap::new(), uses: 0 }
    }

    /// # Errors
    /// `RECIPE` where it is not acceptable.
    pub fn learn(&mut self, digest: &str, recipe: Recipe) -> Result<(), (ErrorCode, String)> {
        let refused = |message: &str| Err((ErrorCode::Recipe, message.to_string()));
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return refused("a digest is 64 hexadecimal digits");
        }
        match recipe.rootfs.as_str() {
            HOST => {}
            _ if !self.serves_packs => {
                return refused("the only rootfs of this launcher is 'host': it has no --packs");
            }
            name if is_digest(name) => {}
            _ => return refused("a rootfs is 'host' or a pack's digest"),
        }
        if !recipe.command.first().is_some_and(|program| program.starts_with('/')) {
            return refused("a recipe's command starts with an absolute path");
        }
        if recipe.boot.as_ref().is_some_and(|boot| !is_boot(boot)) {
            return refused("a recipe's boot is a command with an absolute path and a plain file");
        }
        self.uses += 1;
        match self.known.get_mut(digest) {
            Some(known) if *known.recipe == recipe => {
                known.used = self.uses;
                return Ok(());
            }
            Some(_) => return refused("this digest names another recipe"),
            None => {}
        }
        if self.known.len() >= RECIPES_MAX {
            self.forget_oldest();
        }
        self.known.insert(digest.to_string(), Known { recipe: Rc::new(recipe), used: self.uses });
        Ok(())
    }

    pub fn get(&mut self, digest: &str) -> Option<&Rc<Recipe>> {
        self.uses += 1;
        let known = self.known.get_mut(digest)?;
        known.used = self.uses;
        Some(&known.recipe)
    }

    fn forget_oldest(&mut self) {
        let oldest = self.known.iter().min_by_key(|(_, known)| known.used);
        if let Some(digest) = oldest.map(|(digest, _)| digest.clone()) {
            self.known.remove(&digest);
        }
    }
}

/// Whatever its name says, its file lies in the folder of boot files.
fn is_boot(boot: &Boot) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let name = boot.name.as_bytes();
    let has_file = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().copied().all(is_plain)
        && boot.program.len() <= PROGRAM_BYTES_MAX;
    let is_held = boot.holds.is_some() && name.is_empty() && boot.program.is_empty();
    boot.command.first().is_some_and(|program| program.starts_with('/'))
        && (has_file || is_held)
        && boot.args <= ARGS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::Hold;

    fn recipe(rootfs: &str, program: &str) -> Recipe {
        let command = vec![program.to_string()];
        Recipe { rootfs: rootfs.to_string(), command, env: Default::default(), boot: None }
    }

    fn digest(number: usize) -> String {
        format!("{number:064x}")
    }

    #[test]
    fn only_a_rootfs_of_the_launchers_own_is_taken() {
        let tree = digest(0xabc);
        let names = ["", "/", "host/", "Host", "../host", "host\0", "/usr", "..", "trees", "*"];
        for serves_packs in [false, true] {
            let mut recipes = Recipes::new(serves_packs);
            let mut takes = |name: &str| recipes.learn(&digest(1), recipe(name, "/b")).is_ok();
            for name in names {
                assert!(!takes(name), "{name}");
            }
            assert!(!takes(&tree.to_uppercase()) && !takes(&format!("{}/", &tree[1..])));
            assert!(!takes(&tree[1..]) && !takes(&format!("../{}", &tree[3..])));
            assert_eq!(takes(&tree), serves_packs);
            assert_eq!(takes("host"), !serves_packs, "the digest is taken, or free");
        }
    }

    #[test]
    fn a_boot_file_is_a_plain_name() {
        let boot = |name: &str, program: &str| Boot {
            command: vec![program.to_string()],
            env: Default::default(),
            args: 1,
            opens: None,
            keeps_env: Vec::new(),
            keeps_args: false,
            says_ready: false,
            blank: None,
            template: false,
            holds: None,
            name: name.to_string(),
            program: String::new(),
        };
        for name in ["boot.py", "a", "sitecustomize.py", "A-1_b.x"] {
            assert!(is_boot(&boot(name, "/usr/bin/python3")), "{name}");
        }
        for name in ["", ".", "..", ".x", "a/b", "../a", "a\0", "a b", "é", &"a".repeat(65)] {
            assert!(!is_boot(&boot(name, "/usr/bin/python3")), "{name}");
        }
        assert!(!is_boot(&boot("a", "python3")));
        let held = Boot { holds: Some(Hold::Getuid), ..boot("", "/usr/bin/bash") };
        assert!(is_boot(&held) && !is_boot(&Boot { program: "x".to_string(), ..held }));
        let long = Boot { program: "x".repeat(PROGRAM_BYTES_MAX + 1), ..boot("a", "/p") };
        assert!(!is_boot(&long));
    }

    #[test]
    fn a_digest_names_one_recipe_for_good() {
        let mut recipes = Recipes::new(false);
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/true")).is_ok());
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/true")).is_ok());
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/false")).is_err());
        assert!(recipes.learn(&digest(2), recipe("host", "bin/true")).is_err());
        assert!(recipes.learn("..", recipe("host", "/bin/true")).is_err());
    }

    #[test]
    fn one_more_than_fit_takes_the_place_of_the_one_used_longest_ago() {
        let mut recipes = Recipes::new(false);
        for number in 0..RECIPES_MAX {
            assert!(recipes.learn(&digest(number), recipe("host", "/bin/true")).is_ok());
        }
        assert!(recipes.get(&digest(0)).is_some());
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/true")).is_ok());
        assert!(recipes.learn(&digest(RECIPES_MAX), recipe("host", "/bin/true")).is_ok());
        let missing: Vec<usize> =
            (0..=RECIPES_MAX).filter(|number| recipes.get(&digest(*number)).is_none()).collect();
        assert_eq!(missing, [2]);
        assert!(recipes.known.len() == RECIPES_MAX);
    }
}
