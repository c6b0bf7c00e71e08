// SPDX-License-Identifier: Apache-2.0
use super::{accepted_signers, bundle_directory, root_file, utf8};
use crate::{cli, context::Context, printer::Task, workers, workers::Worker};
use serde_json::{Value, json};
use std::path::Path;
use worker::{Failure, Result};

pub fn run(context: &Context, options: &cli::Sign) -> Result<bool> {
    let task = context.printer.task("sign");
    let log = context.log("sign");
    bundle_directory(&options.bundle)?;
    if let Some(out) = &options.message {
        let request = json!({"command": "message", "bundle": utf8(&options.bundle)?, "out": utf8(out)?});
        let outcome = workers::call(context, Worker::Evidence, &request, &task, &log)?;
        drop(task);
        context.printer.result(&outcome.value, || format!("the bytes to sign are in {}\n", out.display()))?;
        return Ok(true);
    }
    // All are understood before the first one signs.
    let keys = options.keys.iter().map(|key| parse_key(key)).collect::<Result<Vec<_>>>()?;
    let root = root_file(context, options.root.as_deref())?;
    let signed = sign(context, &options.bundle, &keys, root.as_deref(), &task, &log)?;
    drop(task);
    context.printer.result(&signed, || report::terminal::sign(&signed))?;
    Ok(true)
}

/// One signature after the other; the last result tells of all.
pub fn sign(
    context: &Context,
    bundle: &Path,
    keys: &[Value],
    root: Option<&Path>,
    task: &Task,
    log: &Path,
) -> Result<Value> {
    let mut last = Value::Null;
    for key in keys {
        let request = json!({
            "command": "sign",
            "bundle": utf8(bundle)?,
            "with": key,
            "root": root.map(utf8).transpose()?,
            "accepted": utf8(&accepted_signers(context))?,
        });
        last = workers::call(context, Worker::Evidence, &request, task, log)?.value;
    }
    Ok(last)
}

/// A key as the command line has it, as the worker takes it.
pub fn parse_key(text: &str) -> Result<Value> {
    let unknown = || {
        Failure::usage(format!("{text:?} is no key to sign with")).expected(
            "FILE, ssh:FILE, agent, agent:KEY, ed25519:FILE, sr25519:FILE, import:TYPE:SIGNATURE_FILE, \
             import:TYPE:PUBLIC_KEY:SIGNATURE_FILE or throw-away",
        )
    };
    let file = |path: &str| if path.is_empty() { Err(unknown()) } else { Ok(json!({"key_file": path})) };
    match text.split_once(':') {
        None if text.is_empty() => Err(unknown()),
        None if text == "throw-away" => Ok(json!("throw_away")),
        None if text == "agent" => Ok(json!({"agent": {}})),
        None => Ok(json!({"ssh": file(text)?})),
        Some(("agent", key)) => Ok(json!({"agent": {"key": key}})),
        Some((kind @ ("ssh" | "ed25519" | "sr25519"), path)) => {
            let fields = file(path)?;
            Ok(Value::Object([(kind.to_owned(), fields)].into_iter().collect()))
        }
        Some(("import", rest)) => match rest.split(':').collect::<Vec<_>>().as_slice() {
            [kind @ ("ssh" | "ed25519" | "sr25519"), file] => {
                Ok(json!({"import": {"key_type": kind, "signature_file": file}}))
            }
            [kind @ ("ssh" | "ed25519" | "sr25519"), key, file] => {
                Ok(json!({"import": {"key_type": kind, "public_key": key, "signature_file": file}}))
            }
            _ => Err(unknown()),
        },
        // A path may hold a colon.
        Some(_) if Path::new(text).exists() => Ok(json!({"ssh": file(text)?})),
        Some(_) => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_understood() {
        for (text, expected) in [
            ("throw-away", json!("throw_away")),
            ("agent", json!({"agent": {}})),
            ("agent:SHA256:abc", json!({"agent": {"key": "SHA256:abc"}})),
            ("keys/id", json!({"ssh": {"key_file": "keys/id"}})),
            ("sr25519:seed", json!({"sr25519": {"key_file": "seed"}})),
            ("import:ssh:m.sig", json!({"import": {"key_type": "ssh", "signature_file": "m.sig"}})),
            (
                "import:ed25519:0x12:m.sig",
                json!({"import": {"key_type": "ed25519", "public_key": "0x12", "signature_file": "m.sig"}}),
            ),
        ] {
            assert_eq!(parse_key(text).expect("a key"), expected);
        }
    }

    #[test]
    fn what_is_no_key_is_a_usage_error() {
        for text in ["", "ssh:", "pgp:x", "import:ssh", "import:pgp:x"] {
            assert_eq!(parse_key(text).expect_err("refused").kind, worker::Kind::Usage, "{text}");
        }
    }
}
