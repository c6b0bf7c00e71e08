// SPDX-License-Identifier: Apache-2.0
//! The `signers` commands, for the file of signers: the signers, the threshold, and the signatures
//! on its next version.

use super::{
    accepted_signers,
    sign::{is_secret, parse_key, secret_given},
    utf8,
};
use crate::cli::{self, SignersCommand};
use protocol::{
    signers::{
        InitRootRequest, KeyRequest, KeyType, PublicKeys, RootSummary, SignRootRequest, SignerEntry, VerifyRootRequest,
    },
    verify::EvidenceRequest,
};
use std::path::{Path, PathBuf};
use worker::{Failure, Outcome, Result};
use workers::Worker;
use workspace::context::Context;

/// The maximum size of a public key file, in bytes. RSA keys have the longest lines.
const PUBLIC_KEY_LIMIT: u64 = 16 * 1024;

pub fn run(context: &Context, options: &cli::Signers) -> Result<bool> {
    let task = context.printer.task("signers");
    let ask = |request: &EvidenceRequest| -> Result<Outcome<RootSummary>> {
        workers::ask(context, Worker::Evidence, request, &task, &context.log("signers"))
    };
    let last = match &options.command {
        SignersCommand::Init(init) => ask(&EvidenceRequest::InitRoot(InitRootRequest {
            path: utf8(&init.file)?.into(),
            threshold: init.threshold,
            signers: init.signers.iter().map(|text| signer(text)).collect::<Result<_>>()?,
            expires: init.expires.clone(),
            previous: path(init.previous.as_deref())?,
        }))?,
        SignersCommand::Sign(sign) => {
            // All keys are parsed before the first one signs.
            let keys = sign.keys.iter().map(|key| parse_key(key)).collect::<Result<Vec<_>>>()?;
            let (root, previous) = (PathBuf::from(utf8(&sign.file)?), path(sign.previous.as_deref())?);
            let mut last = None;
            for with in keys {
                let (root, previous) = (root.clone(), previous.clone());
                last = Some(ask(&EvidenceRequest::SignRoot(SignRootRequest { root, with, previous }))?);
            }
            last.ok_or_else(|| Failure::usage("there is no key to sign with"))?
        }
        SignersCommand::Verify(verify) => ask(&EvidenceRequest::VerifyRoot(VerifyRootRequest {
            root: utf8(&verify.file)?.into(),
            previous: path(verify.previous.as_deref())?,
            accepted: Some(accepted_signers(context)),
        }))?,
        SignersCommand::Key(key) => {
            let request = EvidenceRequest::Key(KeyRequest { with: parse_key(&key.key)? });
            let log = context.log("signers");
            let keys: Outcome<PublicKeys> = workers::ask(context, Worker::Evidence, &request, &task, &log)?;
            drop(task);
            context.printer.result(&keys.value, || report::terminal::key(&keys.value))?;
            return Ok(keys.passed);
        }
    };
    drop(task);
    context.printer.result(&last.value, || report::terminal::signers(&last.value))?;
    Ok(last.passed)
}

fn path(named: Option<&Path>) -> Result<Option<PathBuf>> {
    Ok(named.map(utf8).transpose()?.map(PathBuf::from))
}

/// The prefixes of OpenSSH public key lines.
const SSH_PREFIXES: [&str; 3] = ["ssh-", "ecdsa-", "sk-"];

/// Parses a signer given on the command line as NAME=KEY.
fn signer(text: &str) -> Result<SignerEntry> {
    let (name, key) = text.split_once('=').unwrap_or((text, ""));
    // The error contains neither the key nor a name that may be a key: users paste secrets here by
    // mistake.
    let unknown = || {
        let shown = match name.contains(char::is_whitespace) || is_secret(name) {
            true => "what was given".to_owned(),
            false => format!("{name:?}"),
        };
        Failure::usage(format!("{shown} is not a signer"))
            .expected("NAME=ssh-ed25519 AAAA…, NAME=FILE.pub, NAME=sr25519:KEY or NAME=ed25519:KEY")
    };
    if name.is_empty() || key.is_empty() {
        return Err(unknown());
    }
    let (key_type, public_key) = match key.split_once(':') {
        Some(("sr25519" | "ed25519", key)) if key.contains(char::is_whitespace) => return Err(secret_given()),
        Some(("sr25519", key)) => (KeyType::Sr25519, key.to_owned()),
        Some(("ed25519", key)) => (KeyType::Ed25519, key.to_owned()),
        _ if SSH_PREFIXES.iter().any(|kind| key.starts_with(kind)) && key.contains(' ') => {
            (KeyType::Ssh, key.to_owned())
        }
        _ if Path::new(key).is_file() => (KeyType::Ssh, public_key_line(Path::new(key))?),
        _ if is_secret(key) => return Err(secret_given()),
        _ => return Err(unknown()),
    };
    Ok(SignerEntry { name: name.to_owned(), key_type, public_key })
}

/// Reads the public key from a `.pub` file of OpenSSH.
fn public_key_line(path: &Path) -> Result<String> {
    let bytes = files::read_bounded(path, PUBLIC_KEY_LIMIT)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    // The user may name the private key by mistake: no part of it may get into a published file.
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.contains("PRIVATE KEY"));
    match line {
        Some(line) if !text.contains("PRIVATE KEY") && line.contains(' ') => Ok(line.trim().to_owned()),
        _ => Err(Failure::input(format!("{} is not a public key", path.display()))
            .expected("a line as in ~/.ssh/id_ed25519.pub")
            .hint("name the .pub file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signers_are_parsed() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("id.pub");
        std::fs::write(&file, "ssh-ed25519 AAAA ana@host\n").expect("written");
        for (text, key_type, key) in [
            ("ana=ssh-ed25519 AAAA ana@host".to_owned(), KeyType::Ssh, "ssh-ed25519 AAAA ana@host"),
            (format!("ana={}", file.display()), KeyType::Ssh, "ssh-ed25519 AAAA ana@host"),
            ("ana=sr25519:5Grwva".to_owned(), KeyType::Sr25519, "5Grwva"),
            ("ana=ed25519:0x12".to_owned(), KeyType::Ed25519, "0x12"),
        ] {
            let expected = SignerEntry { name: "ana".into(), key_type, public_key: key.into() };
            assert_eq!(signer(&text).expect("a signer"), expected);
        }
    }

    #[test]
    fn an_invalid_signer_is_a_usage_error() {
        for text in ["", "ana", "=ssh-ed25519 AAAA", "ana=", "ana=/no/such/file"] {
            assert_eq!(signer(text).expect_err("refused").kind, worker::Kind::Usage, "{text}");
        }
    }

    #[test]
    fn a_secret_key_never_becomes_a_signer() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("id");
        std::fs::write(&file, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl bnNz\n").expect("written");
        let failure = signer(&format!("ana={}", file.display())).expect_err("refused");
        assert_eq!(failure.kind, worker::Kind::Input);
        assert!(!failure.to_string().contains("b3Bl"), "{failure}");
    }

    #[test]
    fn a_secret_in_place_of_a_public_key_is_not_repeated() {
        let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let seed = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
        let given = [
            format!("cas=sr25519:{phrase}"),
            format!("cas=ed25519:{phrase}//Alice"),
            format!("cas={phrase}"),
            format!("cas={seed}"),
            phrase.to_owned(),
            seed.to_owned(),
        ];
        for text in given {
            let failure = signer(&text).expect_err("refused");
            assert_eq!(failure.kind, worker::Kind::Usage);
            let text = format!("{failure:?}");
            assert!(!text.contains("bottom") && !text.contains("walk") && !text.contains(seed), "{text}");
        }
    }
}
