//! What the launcher was told ahead of any request, and nothing that it was not told: the list of
//! root file systems is its own, and no recipe adds to it.

use crate::protocol::message::{ErrorCode, Recipe};
use std::collections::HashMap;

const RECIPES_MAX: usize = 1024;
/// The root file systems of this launcher, by name. A request names one and gives no path.
pub const ROOTFS: [&str; 1] = ["host"];

#[derive(Default)]
pub struct Recipes {
    known: HashMap<String, Recipe>,
}

impl Recipes {
    /// # Errors
    /// `RECIPE` where it is not acceptable.
    pub fn learn(&mut self, digest: &str, recipe: Recipe) -> Result<(), (ErrorCode, String)> {
        let refused = |message: &str| Err((ErrorCode::Recipe, message.to_string()));
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return refused("a digest is 64 hexadecimal digits");
        }
        if !ROOTFS.contains(&recipe.rootfs.as_str()) {
            return refused("the only rootfs of this launcher is 'host'");
        }
        if !recipe.command.first().is_some_and(|program| program.starts_with('/')) {
            return refused("a recipe's command starts with an absolute path");
        }
        match self.known.get(digest) {
            Some(known) if *known == recipe => return Ok(()),
            Some(_) => return refused("this digest names another recipe"),
            None if self.known.len() >= RECIPES_MAX => return refused("too many recipes"),
            None => {}
        }
        self.known.insert(digest.to_string(), recipe);
        Ok(())
    }

    pub fn get(&self, digest: &str) -> Option<&Recipe> {
        self.known.get(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(rootfs: &str, program: &str) -> Recipe {
        let command = vec![program.to_string()];
        Recipe { rootfs: rootfs.to_string(), command, env: Default::default() }
    }

    fn digest(number: usize) -> String {
        format!("{number:064x}")
    }

    #[test]
    fn only_a_rootfs_of_the_launchers_own_list_is_taken() {
        let mut recipes = Recipes::default();
        for name in ["", "/", "host/", "Host", "../host", "host\0", "/usr"] {
            assert!(recipes.learn(&digest(1), recipe(name, "/bin/true")).is_err(), "{name}");
        }
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/true")).is_ok());
    }

    #[test]
    fn a_digest_names_one_recipe_for_good() {
        let mut recipes = Recipes::default();
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/true")).is_ok());
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/true")).is_ok());
        assert!(recipes.learn(&digest(1), recipe("host", "/bin/false")).is_err());
        assert!(recipes.learn(&digest(2), recipe("host", "bin/true")).is_err());
        assert!(recipes.learn("..", recipe("host", "/bin/true")).is_err());
    }

    #[test]
    fn the_last_recipe_fits_and_the_one_after_it_does_not() {
        let mut recipes = Recipes::default();
        for number in 0..RECIPES_MAX {
            assert!(recipes.learn(&digest(number), recipe("host", "/bin/true")).is_ok());
        }
        assert!(recipes.learn(&digest(RECIPES_MAX), recipe("host", "/bin/true")).is_err());
        assert!(recipes.learn(&digest(0), recipe("host", "/bin/true")).is_ok());
    }
}
