// SPDX-License-Identifier: Apache-2.0
//! The `sign` command: signs the manifest of a bundle.

use super::{accepted_signers, bundle_directory, reports, root_file, utf8};
use crate::cli;
use console::printer::Task;
use protocol::{
    signers::{KeyRequest, KeySource, KeyType},
    verify::{EvidenceRequest, Message, MessageRequest, SignRequest, Signed, Verification, VerifyRequest},
};
use std::path::{Path, PathBuf};
use worker::{Failure, Result};
use workers::Worker;
use workspace::context::Context;

pub fn run(context: &Context, options: &cli::Sign) -> Result<bool> {
    let task = context.printer.task("sign");
    let log = context.log("sign");
    bundle_directory(&options.bundle)?;
    if let Some(out) = &options.message {
        let request = MessageRequest { bundle: utf8(&options.bundle)?.into(), out: utf8(out)?.into() };
        let request = EvidenceRequest::Message(request);
        let message: Message = workers::ask(context, Worker::Evidence, &request, &task, &log)?.value;
        drop(task);
        context.printer.result(&message, || format!("the bytes to sign are in {}\n", out.display()))?;
        return Ok(true);
    }
    // All keys are parsed before the first one signs.
    let keys = options.keys.iter().map(|key| parse_key(key)).collect::<Result<Vec<_>>>()?;
    let root = root_file(context, options.root.as_deref())?;
    check_reports(context, &options.bundle, &task, &log)?;
    let signed = sign(context, &options.bundle, &keys, root.as_deref(), &task, &log)?;
    drop(task);
    let signed = signed.ok_or_else(|| Failure::usage("there is no key to sign with"))?;
    context.printer.result(&signed, || report::terminal::sign(&signed))?;
    Ok(true)
}

/// Checks that the reports of a bundle match its evidence. Signers usually read only the reports.
pub fn check_reports(context: &Context, bundle: &Path, task: &Task, log: &Path) -> Result<()> {
    let verified = integrity(context, bundle, task, log)?;
    // `sign` reports any other problem of the bundle.
    if !verified.integrity || !reports::made_by_this_version(&verified) {
        return Ok(());
    }
    match reports::differing(bundle, &verified)?.first() {
        None => Ok(()),
        Some(name) => Err(Failure::check(format!("{name} in {} cannot be signed", bundle.display()))
            .found("it does not match the evidence")
            .expected("the report that `upgrade` renders from the evidence")),
    }
}

/// Verifies that a bundle is undamaged. Signatures are not checked.
pub fn integrity(context: &Context, bundle: &Path, task: &Task, log: &Path) -> Result<Verification> {
    let request = VerifyRequest { bundle: utf8(bundle)?.into(), integrity_only: true, ..VerifyRequest::default() };
    Ok(workers::ask(context, Worker::Evidence, &EvidenceRequest::Verify(request), task, log)?.value)
}

/// Signs with each key in turn. Returns the last result, which describes all signatures. `None`
/// without keys.
pub fn sign(
    context: &Context,
    bundle: &Path,
    keys: &[KeySource],
    root: Option<&Path>,
    task: &Task,
    log: &Path,
) -> Result<Option<Signed>> {
    let mut last = None;
    for key in keys {
        let request = EvidenceRequest::Sign(SignRequest {
            bundle: utf8(bundle)?.into(),
            with: key.clone(),
            root: root.map(utf8).transpose()?.map(PathBuf::from),
            accepted: Some(accepted_signers(context)),
        });
        last = Some(workers::ask(context, Worker::Evidence, &request, task, log)?.value);
    }
    Ok(last)
}

/// Checks that each key can sign, before long-running work starts.
pub fn expect_keys(context: &Context, keys: &[KeySource]) -> Result<()> {
    keys.iter().try_for_each(expect_key)?;
    let (task, log) = (context.printer.task("keys"), context.log("sign"));
    // Only keys in files can be read.
    for key in keys.iter().filter(|key| !matches!(key, KeySource::ThrowAway | KeySource::Agent { .. })) {
        let request = EvidenceRequest::ExpectKey(KeyRequest { with: key.clone() });
        workers::ask::<()>(context, Worker::Evidence, &request, &task, &log)?;
    }
    Ok(())
}

/// Checks a key without using it: its file exists and other users cannot read it, or the agent
/// runs.
fn expect_key(key: &KeySource) -> Result<()> {
    let path = match key {
        KeySource::Agent { .. } => {
            return match std::env::var_os("SSH_AUTH_SOCK").filter(|socket| Path::new(socket).exists()) {
                Some(_) => Ok(()),
                None => Err(Failure::environment("no ssh agent is running")
                    .found("SSH_AUTH_SOCK names no socket")
                    .hint("eval $(ssh-agent), then ssh-add")),
            };
        }
        KeySource::ThrowAway => return Ok(()),
        KeySource::Ssh { key_file } | KeySource::Ed25519 { key_file } | KeySource::Sr25519 { key_file } => key_file,
        KeySource::Import { signature_file, .. } => signature_file,
    };
    let metadata = std::fs::metadata(path).map_err(|error| Failure::io("read the key", path, &error))?;
    if !metadata.is_file() {
        return Err(Failure::input(format!("{} is not a key file", path.display())).expected("a file"));
    }
    let is_public = path.extension().is_some_and(|extension| extension == "pub");
    let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777;
    if key.secret_file().is_some() && !is_public && mode & 0o077 != 0 {
        return Err(Failure::input(format!("the key file {} can be read by others", path.display()))
            .found(format!("mode {mode:03o}"))
            .expected("mode 600")
            .hint(format!("chmod 600 {}", path.display())));
    }
    Ok(())
}

/// Parses a key given on the command line.
pub fn parse_key(text: &str) -> Result<KeySource> {
    let unknown = || {
        Failure::usage(format!("{text:?} is not a signing key")).expected(
            "FILE, ssh:FILE, agent, agent:KEY, ed25519:FILE, sr25519:FILE, import:TYPE:SIGNATURE_FILE, \
             import:TYPE:PUBLIC_KEY:SIGNATURE_FILE or throw-away",
        )
    };
    let file = |path: &str| match path {
        "" => Err(unknown()),
        // Checked first: an error about a missing file would print the secret.
        path if is_secret(path) && !Path::new(path).exists() => Err(secret_given()),
        path => Ok(PathBuf::from(path)),
    };
    let agent = |key: Option<&str>| KeySource::Agent { key: key.map(str::to_owned), socket: None };
    match text.split_once(':') {
        None if text.is_empty() => Err(unknown()),
        None if text == "throw-away" => Ok(KeySource::ThrowAway),
        None if text == "agent" => Ok(agent(None)),
        None => Ok(KeySource::Ssh { key_file: file(text)? }),
        Some(("agent", key)) => Ok(agent(Some(key))),
        Some(("ssh", path)) => Ok(KeySource::Ssh { key_file: file(path)? }),
        Some(("ed25519", path)) => Ok(KeySource::Ed25519 { key_file: file(path)? }),
        Some(("sr25519", path)) => Ok(KeySource::Sr25519 { key_file: file(path)? }),
        Some(("import", rest)) => match rest.split(':').collect::<Vec<_>>().as_slice() {
            [kind, file] => {
                let key_type = key_type(kind).ok_or_else(unknown)?;
                Ok(KeySource::Import { key_type, public_key: None, signature_file: file.into() })
            }
            ["ed25519" | "sr25519", key, _] if key.contains(char::is_whitespace) => Err(secret_given()),
            [kind, key, file] => {
                let key_type = key_type(kind).ok_or_else(unknown)?;
                Ok(KeySource::Import { key_type, public_key: Some((*key).into()), signature_file: file.into() })
            }
            _ => Err(unknown()),
        },
        Some(_) if is_secret(text) => Err(secret_given()),
        // A path may contain a colon.
        Some(_) if Path::new(text).exists() => Ok(KeySource::Ssh { key_file: file(text)? }),
        Some(_) => Err(unknown()),
    }
}

fn key_type(name: &str) -> Option<KeyType> {
    [KeyType::Ssh, KeyType::Ed25519, KeyType::Sr25519].into_iter().find(|key_type| key_type.name() == name)
}

/// The number of words from which a text counts as a secret phrase. Phrases have at least twelve
/// words.
const SECRET_WORDS: usize = 6;

/// Returns whether a text looks like a secret phrase or a seed.
pub fn is_secret(text: &str) -> bool {
    let seed = text.split('/').next().unwrap_or_default();
    let digits = seed.strip_prefix("0x").unwrap_or(seed);
    let is_seed = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_seed || text.split_whitespace().count() >= SECRET_WORDS
}

/// Returns the error for a secret on the command line. It does not contain the secret: the shell's
/// history has it already, logs must not.
pub fn secret_given() -> Failure {
    Failure::usage("a secret was given in place of a file or a public key")
        .found("a text that looks like a secret phrase or a seed (not shown)")
        .expected("the name of a file that holds it, or the public key")
        .hint(
            "treat the secret as compromised: shells record commands; `cargo xtask signers key FILE` shows a public \
             key",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_parsed() {
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
            assert_eq!(json!(parse_key(text).expect("a key")), expected);
        }
    }

    #[test]
    fn a_missing_or_readable_key_file_is_reported_early() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().expect("a file");
        let key = |kind: &str| parse_key(&format!("{kind}:{}", file.path().display())).expect("a key");
        let mode = |mode: u32| {
            file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).expect("changed");
        };
        mode(0o600);
        expect_key(&key("sr25519")).expect("fine");
        mode(0o644);
        assert_eq!(expect_key(&key("ssh")).expect_err("read by others").kind, worker::Kind::Input);
        expect_key(&key("import:ssh")).expect("a signature is no secret");
        expect_key(&KeySource::ThrowAway).expect("made when it is needed");
        let missing = parse_key("keys/nosuch").expect("a key");
        assert!(expect_key(&missing).expect_err("missing").message.contains("keys/nosuch"));
    }

    #[test]
    fn an_invalid_key_is_a_usage_error() {
        for text in ["", "ssh:", "pgp:x", "import:ssh", "import:pgp:x"] {
            assert_eq!(parse_key(text).expect_err("refused").kind, worker::Kind::Usage, "{text}");
        }
    }

    #[test]
    fn a_secret_in_place_of_a_file_is_not_repeated() {
        let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let seed = "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
        for form in ["", "ssh:", "sr25519:", "ed25519:"] {
            for secret in [phrase, seed, &format!("{phrase}//Alice"), &format!("{seed}//release")] {
                let failure = parse_key(&format!("{form}{secret}")).expect_err("refused");
                let text = format!("{failure:?}");
                assert!(!text.contains("bottom") && !text.contains("fac7959d"), "{text}");
            }
        }
        let import = parse_key(&format!("import:sr25519:{phrase}:m.sig")).expect_err("refused");
        assert!(!format!("{import:?}").contains("bottom"), "{import:?}");
        assert!(parse_key("agent:ssh-ed25519 AAAA a key of ana on her desk").is_ok(), "the name of an agent's key");
    }
}
