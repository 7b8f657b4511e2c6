//! The networks of sandboxes: made ahead with nothing but a loopback, and, where a policy allows
//! it, a way out of one.

pub mod egress;
pub mod networks;
pub mod way;
