//! The golden frames that the TypeScript client reads too: what we say is byte for byte what
//! stands there, and what stands there is what we understand.

use super::frame::{append_frame, first_frame, HEADER_START};
use super::message::{
    Connection, End, ErrorCode, LimitName, Outcome, Reply, Request, Stream, Truncated, Usage, Words,
};
use super::pool::{read_order, Kept};
use serde_json::Value;

const FRAMES: &str = include_str!("../../../../fixtures/launch-protocol/frames.json");

fn frames(direction: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(FRAMES).unwrap_or_default();
    assert!(all.len() > 40, "the fixtures were not read");
    all.into_iter().filter(|frame| frame["direction"] == direction).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

fn flag(value: &Value, name: &str) -> bool {
    value[name].as_bool().unwrap_or_default()
}

/// RFC 4648, enough for fixtures that are well-formed.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for digit in text.bytes() {
        let Some(value) = ALPHABET.iter().position(|letter| *letter == digit) else { break };
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

fn limit(name: &str) -> LimitName {
    let all = [
        LimitName::WallTimeMs,
        LimitName::CpuTimeMs,
        LimitName::MemoryKb,
        LimitName::OutputKb,
        LimitName::DiskKb,
        LimitName::FileKb,
        LimitName::Processes,
    ];
    let named = |limit: &LimitName| serde_json::to_value(limit).is_ok_and(|value| value == name);
    all.into_iter().find(named).unwrap_or(LimitName::WallTimeMs)
}

fn outcome(value: &Value) -> Outcome {
    let exit_code = value["exit_code"].as_i64().and_then(|code| i32::try_from(code).ok());
    let signal = value["signal"].as_str().map(String::from);
    match text(value, "kind") {
        "exited" => Outcome::Exited { exit_code: exit_code.unwrap_or(-1) },
        "signalled" => Outcome::Signalled { signal: signal.unwrap_or_default() },
        "limit-exceeded" => {
            Outcome::LimitExceeded { limit: limit(text(value, "limit")), exit_code, signal }
        }
        "cancelled" => Outcome::Cancelled,
        _ => {
            let steps = super::steps::STEPS.iter().map(|(_, name)| *name);
            let step = steps.into_iter().find(|name| *name == text(value, "step"));
            Outcome::SetupFailed { step: step.unwrap_or(""), errno: text(value, "errno").into() }
        }
    }
}

fn end(header: &Value) -> End {
    let (usage, cut) = (&header["usage"], &header["truncated"]);
    End {
        outcome: outcome(&header["outcome"]),
        usage: Usage {
            wall_us: number(usage, "wall_us"),
            cpu_us: number(usage, "cpu_us"),
            memory_kb: number(usage, "memory_kb"),
            stdout_bytes: number(usage, "stdout_bytes"),
            stderr_bytes: number(usage, "stderr_bytes"),
        },
        limits_hit: header["limits_hit"]
            .as_array()
            .map(|list| list.iter().filter_map(Value::as_str).map(limit).collect())
            .unwrap_or_default(),
        truncated: Truncated {
            stdout: flag(cut, "stdout"),
            stderr: flag(cut, "stderr"),
            artifacts: flag(cut, "artifacts"),
        },
        layer: header["layer"].as_str().map(String::from),
    }
}

fn error_code(name: &str) -> ErrorCode {
    let all = [
        ErrorCode::Version,
        ErrorCode::Protocol,
        ErrorCode::Recipe,
        ErrorCode::Limit,
        ErrorCode::Path,
        ErrorCode::Layer,
        ErrorCode::Busy,
        ErrorCode::Network,
    ];
    let named = |code: &ErrorCode| serde_json::to_value(code).is_ok_and(|value| value == name);
    all.into_iter().find(named).unwrap_or(ErrorCode::Busy)
}

#[test]
fn what_we_say_is_what_the_fixtures_hold() {
    for frame in frames("to-client") {
        let header = &frame["header"];
        let payload = base64(text(&frame, "payload_base64"));
        let ended = end(header);
        let stream =
            if text(header, "stream") == "stderr" { Stream::Stderr } else { Stream::Stdout };
        let reply = match text(header, "type") {
            "hello" => Reply::Hello { version: 1, launcher: text(header, "launcher") },
            "pool_ok" => {
                let kept = serde_json::from_slice::<Vec<Kept>>(&payload);
                let said = kept.and_then(|kept| serde_json::to_vec(&kept));
                assert_eq!(said.ok().as_ref(), Some(&payload));
                Reply::PoolOk {}
            }
            "recipe_ok" => Reply::RecipeOk { digest: text(header, "digest") },
            "started" => Reply::Started {
                prepare_us: number(header, "prepare_us"),
                prepared: flag(header, "prepared"),
            },
            "output" => Reply::Output { stream, time_us: number(header, "time_us") },
            "taken" => Reply::Taken { bytes: number(header, "bytes") },
            "artifact" => Reply::Artifact {
                path: text(header, "path"),
                bytes: number(header, "bytes"),
                more: flag(header, "more"),
            },
            "end" => Reply::End(&ended),
            "error" => Reply::Error {
                code: error_code(text(header, "code")),
                message: text(header, "message"),
            },
            // Its members have no order; diagnose.rs makes it from what the host is.
            "diagnosis" => continue,
            other => unreachable!("a message of an unknown type: {other}"),
        };
        let mut bytes = Vec::new();
        append_frame(&mut bytes, &reply, &payload);
        assert_eq!(bytes, base64(text(&frame, "frame_base64")), "{}", text(&frame, "name"));
    }
}

#[test]
fn what_the_fixtures_say_to_us_is_understood() {
    for frame in frames("to-launcher") {
        let bytes = base64(text(&frame, "frame_base64"));
        let span = first_frame(&bytes).ok().flatten();
        let Some(span) = span else { unreachable!("{} is no frame", text(&frame, "name")) };
        assert_eq!(span.end, bytes.len());
        let header = bytes.get(HEADER_START..span.header_end).unwrap_or_default();
        let payload = bytes.get(span.header_end..).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<Value>(header).ok().as_ref(), Some(&frame["header"]));
        let request = serde_json::from_slice::<Request>(header);
        assert!(request.is_ok(), "{}: {request:?}", text(&frame, "name"));
        if matches!(request, Ok(Request::Pool { .. })) {
            let order = read_order(payload, 1);
            assert!(order.is_ok(), "{}: {order:?}", text(&frame, "name"));
        }
        if matches!(request, Ok(Request::Start(_))) {
            let words = serde_json::from_slice::<Words>(payload);
            assert!(words.is_ok(), "{}: {words:?}", text(&frame, "name"));
        }
    }
}

#[test]
fn connections_are_said_as_the_fixtures_hold_them() {
    let named = |frame: &Value| text(frame, "name").starts_with("end: exited 0 with a network");
    let frames: Vec<Value> = frames("to-client").into_iter().filter(named).collect();
    assert_eq!(frames.len(), 2);
    for frame in frames {
        let payload = base64(text(&frame, "payload_base64"));
        let connections = serde_json::from_slice::<Vec<Connection>>(&payload);
        assert!(connections.is_ok(), "{connections:?}");
        let said = connections.and_then(|connections| serde_json::to_vec(&connections));
        assert_eq!(said.unwrap_or_default(), payload);
    }
}
