//! What a policy that can't be compiled is told.

use super::*;

#[test]
fn a_faulty_policy_says_what_is_wrong() {
    let whole = |check: &str| {
        format!(
            r#"{{ "architecture": "test", "audit_arch": "0x1", "otherwise": "ENOSYS", "groups":
            [{{ "reason": [], "action": "allow", "syscalls": ["read read2"] }}], "checks":
            [{{ "reason": [], "syscalls": ["write"], "otherwise": "EPERM", "cases":
            [{{ "action": "allow", "when": [{check}] }}] }}] }}"#
        )
    };
    let rows = [
        (r#"{ "arg": 6, "any_of": { "a": "0x1" } }"#, "argument 6"),
        (r#"{ "arg": 0, "any_of": {} }"#, "argument 0"),
        (r#"{ "arg": 0, "bits": 16, "any_of": { "a": "0x1" } }"#, "32 or 64"),
        (r#"{ "arg": 0, "any_of": { "a": "0x100000000" } }"#, "outside of its mask"),
        (r#"{ "arg": 0, "mask": "0x2", "any_of": { "a": "0x1" } }"#, "outside of its mask"),
        (r#"{ "arg": 0, "any_of": { "a": "1" } }"#, "no 0x"),
        (r#"{ "arg": 0, "any": { "a": "0x1" } }"#, "unknown field"),
        (r#"{ "arg": 0, "any_of": { "a": "0x1" } }"#, "read2 is no call"),
    ];
    let compiled = |text: &str| {
        Policy::parse(text).and_then(|policy| compile(&policy, syscalls_x86_64::number))
    };
    for (check, expected) in rows {
        let result = compiled(&whole(check));
        assert!(result.is_err_and(|error| error.contains(expected)), "{check}");
    }
    let twice = compiled(&whole(rows[7].0).replace("read2", "write"));
    assert!(twice.is_err_and(|error| error.contains("twice")));
}
