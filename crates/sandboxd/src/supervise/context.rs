//! What all sessions of one launcher share.

use crate::cgroup::Tree;
use crate::child::monotonic_ns;
use crate::child::plan::{self, Host};
use crate::confine::rootfs::Layout;
use crate::confine::template::Template;
use crate::egress::target::Target;
use crate::lab::{holds, Protection};
use crate::protocol::message::{ErrorCode, Recipe};
use crate::supervise::descriptors::Descriptors;
use crate::supervise::network::egress::Egress;
use crate::supervise::network::networks::Networks;
use crate::supervise::recipes::Recipes;
use crate::supervise::running::Running;
use crate::supervise::slots::{Slot, Slots};
use crate::supervise::spares::{self, Spares};
use crate::workspace::Undertaker;
use rustix::event::epoll;
use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const MS: u64 = 1_000_000;
/// How long a cgroup may refuse to go before its uid is withheld until it is gone.
const REMOVE_GIVE_UP_NS: u64 = 2_000 * MS;
const REMOVE_AGAIN_NS: u64 = MS;
/// One that refused to go is tried again at leisure.
const LOST_AGAIN_NS: u64 = 1_000 * MS;
/// While programs run, and CPUs are left, one is made ahead after each such pause.
const STOCK_PAUSE_NS: u64 = 10 * MS;
/// So long a program has the machine to itself: most have ended by then.
const QUIET_NS: u64 = 10 * MS;
/// PID 1 ends by itself at once; if not, it is helped.
const KILL_AFTER_NS: u64 = 50 * MS;

pub struct Context {
    pub epoll: OwnedFd,
    pub host: Rc<Host>,
    pub tree: Tree,
    pub networks: Networks,
    /// What sandboxes may be connected to.
    pub network_allow: Vec<Target>,
    pub template: Template,
    pub slots: Slots,
    pub spares: Spares,
    pub undertaker: Rc<Undertaker>,
    pub descriptors: Descriptors,
    pub running: usize,
    /// When a program started last.
    started_ns: u64,
    pub draining: bool,
    recipes: Recipes,
    layers: HashMap<String, Layer>,
    masks: Vec<(CString, CString)>,
    condemned: Vec<Condemned>,
    /// More may have to be made ahead than there is.
    is_stocking: bool,
    /// When one was made last.
    stocked_ns: u64,
    serial: u64,
}

/// The frozen output of a compile. Its runs take its uid over, so that its files are theirs.
pub struct Layer {
    pub path: PathBuf,
    pub slot: Rc<Slot>,
}

/// No path of ours holds a NUL; an empty one would be refused by the kernel.
pub fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

struct Condemned {
    running: Running,
    slot: Rc<Slot>,
    since_ns: u64,
    next_ns: u64,
}

impl Condemned {
    /// It has not gone yet: it is helped, and after a while its uid is withheld.
    fn press(&mut self, now_ns: u64) {
        let age_ns = now_ns.saturating_sub(self.since_ns);
        if age_ns > REMOVE_GIVE_UP_NS {
            eprintln!("sandboxd: a sandbox refuses to go; its uid is withheld");
            self.slot.withhold();
            self.running.launched.group.kill();
            self.since_ns = u64::MAX;
        }
        if age_ns > KILL_AFTER_NS {
            self.running.launched.group.kill();
        }
        let lost = self.since_ns == u64::MAX;
        self.next_ns = now_ns + if lost { LOST_AGAIN_NS } else { REMOVE_AGAIN_NS };
    }

    /// It is gone: a host that was very busy may have needed longer than it was given.
    fn settle(&self) {
        if self.since_ns == u64::MAX {
            eprintln!("sandboxd: a sandbox that refused to go is gone; its uid is given back");
            self.slot.give_back();
        }
    }
}

impl Context {
    /// # Errors
    /// The kernel has no descriptor left for the poller.
    pub fn new(
        host: Host,
        tree: Tree,
        template: Template,
        slots: Slots,
    ) -> std::io::Result<Context> {
        let recipes = Recipes::new(template.roots().packs().is_some());
        let masks = template.masks();
        let masks = masks.iter().map(|(from, to)| (c_string(from), c_string(to))).collect();
        Ok(Context {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            host: Rc::new(host),
            tree,
            networks: Networks::new()?,
            network_allow: Vec::new(),
            template,
            slots,
            spares: Spares::default(),
            undertaker: Rc::new(Undertaker::start()?),
            descriptors: Descriptors::of_this_process(),
            running: 0,
            draining: false,
            recipes,
            layers: HashMap::new(),
            masks,
            condemned: Vec::new(),
            is_stocking: true,
            started_ns: 0,
            stocked_ns: 0,
            serial: 0,
        })
    }

    /// Takes a sandbox's descriptors off the poller. Closing them is not enough: a child that was
    /// just cloned holds copies for a moment, and the kernel goes on reporting them (epoll(7)).
    pub fn unwatch(&self, running: &Running) {
        for descriptor in running.descriptors() {
            let _ = epoll::delete(&self.epoll, descriptor);
        }
    }

    /// # Errors
    /// `RECIPE` where it is not acceptable.
    pub fn learn(&mut self, digest: &str, recipe: Recipe) -> Result<(), (ErrorCode, String)> {
        self.recipes.learn(digest, recipe)
    }

    pub fn recipe(&mut self, digest: &str) -> Option<&Rc<Recipe>> {
        self.recipes.get(digest)
    }

    /// A root's layout for one sandbox.
    pub fn layout(&self, root: &Path) -> Layout {
        Layout {
            root: c_string(root),
            masks: self.masks.clone(),
            hosts: None,
            data: None,
            shm_options: plan::shm_options(),
        }
    }

    /// A path that no layer of this launcher had before.
    pub fn next_layer_path(&mut self) -> PathBuf {
        let name = self.next_name();
        self.layer_path(&name)
    }

    /// A name that nothing of this launcher had before.
    pub fn next_name(&mut self) -> String {
        self.serial += 1;
        format!("s{}", self.serial)
    }

    pub fn layer_path(&self, name: &str) -> PathBuf {
        self.template.layers().join(name)
    }

    pub fn layer(&self, handle: &str) -> Option<&Layer> {
        self.layers.get(handle)
    }

    /// Registers a layer under a new unguessable handle.
    pub fn keep_layer(&mut self, layer: Layer) -> Option<String> {
        let mut random = [0u8; 16];
        let filled = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
        if filled != Ok(random.len()) {
            return None;
        }
        let handle: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.layers.insert(handle.clone(), layer);
        Some(handle)
    }

    pub fn free_layer(&mut self, handle: &str) {
        self.layers.remove(handle);
    }

    /// Removes what is left of a sandbox whose end was told, as soon as the kernel has taken it
    /// down; its uid comes back only then.
    pub fn bury(&mut self, running: Running, slot: Rc<Slot>, now_ns: u64) {
        if holds(Protection::Teardown) {
            let next_ns = now_ns + REMOVE_AGAIN_NS;
            self.condemned.push(Condemned { running, slot, since_ns: now_ns, next_ns });
        }
    }

    /// Sandboxes whose end was told and that the kernel has not taken down yet.
    pub fn leaving(&self) -> usize {
        self.condemned.len()
    }

    fn is_gone(&mut self, condemned: &mut Condemned, now_ns: u64) -> bool {
        let running = &mut condemned.running;
        if running.dead_ns.is_none() {
            running.reap(now_ns);
        }
        let is_egress_gone = running.launched.egress.as_mut().is_none_or(Egress::is_gone);
        running.dead_ns.is_some()
            && is_egress_gone
            && self.tree.remove(&running.launched.group).is_ok()
    }

    pub fn tick(&mut self, now_ns: u64) {
        if self.draining {
            self.spares.clear();
        }
        let dropped = std::mem::take(&mut *self.spares.graveyard().borrow_mut());
        for (running, slot) in dropped {
            self.unwatch(&running);
            self.bury(running, slot, now_ns);
        }
        self.spares.templates.look(now_ns);
        self.tree.left.sweep(now_ns);
        let due = std::mem::take(&mut self.condemned);
        for mut condemned in due {
            if now_ns < condemned.next_ns {
                self.condemned.push(condemned);
            } else if self.is_gone(&mut condemned, now_ns) {
                condemned.settle();
            } else {
                condemned.press(now_ns);
                self.condemned.push(condemned);
            }
        }
        // One thing a round, so that whoever comes meanwhile waits for no more than that.
        self.is_stocking = true;
        if self.stock_due_ns() <= now_ns {
            self.is_stocking = spares::stock(self) || self.tree.stock() || self.networks.stock();
            self.stocked_ns = monotonic_ns();
        }
    }

    /// A program is about to start.
    pub fn begin_running(&mut self) {
        self.running += 1;
        self.started_ns = monotonic_ns();
    }

    /// When something may be made ahead: at once where nothing runs, and never where every CPU has
    /// a program, or requests wait for one. A program that ends soon is left alone.
    fn stock_due_ns(&self) -> u64 {
        match self.running + self.spares.late() {
            _ if self.draining => u64::MAX,
            0 if self.condemned.is_empty() => 0,
            running if running as u64 >= self.host.cores => u64::MAX,
            _ => (self.stocked_ns + STOCK_PAUSE_NS).max(self.started_ns + QUIET_NS),
        }
    }

    pub fn deadline_ns(&self) -> u64 {
        let stock_ns = if self.is_stocking { self.stock_due_ns() } else { u64::MAX };
        let spares_ns = if self.draining { u64::MAX } else { self.spares.deadline_ns() };
        let templates_ns = self.spares.templates.deadline_ns();
        let condemned_ns = self.condemned.iter().map(|condemned| condemned.next_ns);
        let left_ns = self.tree.left.deadline_ns();
        condemned_ns.chain([stock_ns, spares_ns, templates_ns, left_ns]).min().unwrap_or(u64::MAX)
    }
}
