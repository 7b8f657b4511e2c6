//! What a client may say when, and what is done about it.

use super::{shortened, Session, State};
use crate::diagnose;
use crate::protocol::message::{ErrorCode, FileHeader, Reply, Request, VERSION};
use crate::protocol::pool::read_order;
use crate::session::filling::{Filling, Refusal};
use crate::supervise::context::Context;
use crate::supervise::spares::orders::Order;
use std::rc::Rc;

impl Session {
    pub(super) fn handle(
        &mut self,
        request: Request,
        payload: &[u8],
        context: &mut Context,
        now_ns: u64,
    ) {
        let state = std::mem::replace(&mut self.state, State::Closing);
        self.state = match (state, request) {
            (State::Fresh, Request::Hello { version: VERSION }) => {
                let launcher = env!("CARGO_PKG_VERSION");
                self.say(&Reply::Hello { version: VERSION, launcher }, &[]);
                State::Greeted
            }
            (State::Fresh, Request::Hello { .. }) => {
                return self.refuse(ErrorCode::Version, "this launcher speaks version 1", now_ns);
            }
            (state @ (State::Greeted | State::Control(_)), Request::Recipe { digest, recipe }) => {
                // A no to one of them is an answer: what else was asked on this connection has its.
                match context.learn(&digest, *recipe) {
                    Ok(()) => self.say(&Reply::RecipeOk { digest: &digest }, &[]),
                    Err((code, message)) => {
                        let message = shortened(&message);
                        self.say(&Reply::Error { code, message }, &[]);
                    }
                }
                State::Control(order_of(state))
            }
            (state @ (State::Greeted | State::Control(_)), Request::Diagnose {}) => {
                self.say_raw(&diagnose::diagnosis(context));
                State::Control(order_of(state))
            }
            (state @ (State::Greeted | State::Control(_)), Request::Pool { age_ms }) => {
                State::Control(self.keep_ready((payload, age_ms), order_of(state), context))
            }
            (State::Greeted, Request::Start(start)) => {
                match Filling::begin(*start, payload, context, now_ns) {
                    Ok(filling) => State::Filling(Box::new(filling)),
                    Err(refusal) => return self.give_up(refusal, now_ns),
                }
            }
            (State::Filling(filling), Request::File(file)) => {
                return self.fill(filling, (&file, payload), now_ns);
            }
            (State::Filling(filling), Request::Stdin {}) => {
                self.launch(filling, context, now_ns);
                return self.feed(payload, false);
            }
            (State::Filling(filling), Request::StdinEnd {}) => {
                self.launch(filling, context, now_ns);
                return self.feed(&[], true);
            }
            (State::Live(sandbox), Request::Stdin {}) => {
                self.state = State::Live(sandbox);
                return self.feed(payload, false);
            }
            (State::Live(sandbox), Request::StdinEnd {}) => {
                self.state = State::Live(sandbox);
                return self.feed(&[], true);
            }
            (State::Live(sandbox), request) if sandbox.is_told(&request) => State::Live(sandbox),
            (state, _) => {
                self.state = state;
                return self.refuse(ErrorCode::Protocol, "this message is out of order", now_ns);
            }
        };
    }

    /// A no leaves the order before it in force, and is an answer as that to a recipe is.
    fn keep_ready(
        &mut self,
        (payload, age_ms): (&[u8], u64),
        before: Option<Rc<Order>>,
        context: &mut Context,
    ) -> Option<Rc<Order>> {
        let placed = read_order(payload, context.host.cores)
            .and_then(|lines| Order::of(lines, age_ms, |digest| context.recipe(digest).cloned()))
            .map(|order| context.spares.place(order));
        match placed {
            Ok(order) => {
                let kept = serde_json::to_vec(&context.spares.kept(&order));
                self.say(&Reply::PoolOk {}, &kept.unwrap_or_default());
                Some(order)
            }
            Err((code, message)) => {
                let message = shortened(&message);
                self.say(&Reply::Error { code, message }, &[]);
                before
            }
        }
    }

    /// The runtime that its sandbox starts with is there, or will not be.
    pub fn settle(&mut self, context: &mut Context, now_ns: u64) {
        match std::mem::replace(&mut self.state, State::Closing) {
            State::Filling(filling) => match filling.settle(context) {
                Ok(filling) => self.state = State::Filling(Box::new(filling)),
                Err(refusal) => return self.give_up(refusal, now_ns),
            },
            other => self.state = other,
        }
        self.handle_frames(context, now_ns);
    }

    fn fill(&mut self, mut filling: Box<Filling>, file: (&FileHeader, &[u8]), now_ns: u64) {
        match filling.write(file.0, file.1) {
            Ok(()) => self.state = State::Filling(filling),
            Err(refusal) => self.give_up(refusal, now_ns),
        }
    }

    fn launch(&mut self, filling: Box<Filling>, context: &mut Context, now_ns: u64) {
        match filling.launch(context) {
            Ok(sandbox) => self.state = State::Live(Box::new(sandbox)),
            Err(refusal) => self.give_up(refusal, now_ns),
        }
    }

    fn feed(&mut self, bytes: &[u8], last: bool) {
        if let State::Live(sandbox) = &mut self.state {
            sandbox.feed(bytes, last);
        }
    }

    fn give_up(&mut self, refusal: Refusal, now_ns: u64) {
        match refusal {
            Refusal::Error(code, message) => self.refuse(code, &message, now_ns),
            Refusal::Ended(end) => {
                self.say(&Reply::End(&end), &[]);
                self.state = State::Closing;
            }
        }
    }
}

/// What was ordered on this connection before.
fn order_of(state: State) -> Option<Rc<Order>> {
    match state {
        State::Control(order) => order,
        _ => None,
    }
}
