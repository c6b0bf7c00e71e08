// SPDX-License-Identifier: Apache-2.0
//! Adds a signature to a bundle's manifest.
//!
//! The bundle is checked before it is signed, so a damaged or failed bundle cannot be signed. This
//! module never reads a passphrase: an encrypted ssh key signs through the ssh agent.

use crate::{
    agent::Agent,
    bundle,
    content::proposed_calls,
    digest::{self, read_regular},
    envelope::{self, Manifest},
    integrity::{check_files, verdict_phrase},
    keys::{self, ChainSecret, PublicKey, check, read_private},
    root::Root,
    statement::blocks_upgrade,
    trust::Trusted,
    verify,
};
use protocol::{
    manifest::{Predicate, Signature},
    signers::{KeySource, KeyType, PublicKeyInfo},
    verify::{SignRequest, Signed},
};
use std::{fs::File, path::Path};
use worker::{Failure, Reporter, Result};

/// Signs a bundle: checks it first, then adds the signature to its manifest.
pub fn sign(request: &SignRequest, reporter: &Reporter) -> Result<Signed> {
    let trusted = Trusted::read_and_record(request.root.as_deref(), request.accepted.as_deref(), reporter)?;
    let path = bundle::manifest(&request.bundle)?;
    // Lock the bundle, so that two processes that sign at the same time do not lose a signature.
    let _turn = lock(&request.bundle)?;
    bundle::remove_partial_files(&request.bundle);
    let mut manifest = Manifest::read(&path)?;
    refuse_damaged(&request.bundle, &manifest, reporter)?;
    refuse_failed(&manifest.statement.predicate)?;
    for call in proposed_calls(&request.bundle, &manifest.statement.predicate.steps) {
        reporter.status(call);
    }

    let message = manifest.signed_bytes();
    reporter.status("signing");
    let signature = make_signature(&request.with, &message, trusted.as_ref().map(|trusted| &trusted.root))?;
    let checked = check(&signature, &message);
    if let Some(reason) = checked.invalid_reason {
        return Err(invalid_signature(&request.with, &signature.keyid, &reason));
    }
    if let (Some(trusted), false) = (&trusted, checked.throw_away)
        && trusted.root.tally(std::slice::from_ref(&checked), true).each.iter().all(|(signer, _)| signer.is_none())
    {
        return Err(Failure::usage(format!("the key {} is not listed in {}", checked.key_id, trusted.path.display()))
            .expected(trusted.root.listed())
            .hint("name the key that is listed, or another file of signers with --root"));
    }
    if checked.throw_away {
        // Ephemeral keys prove nothing about the signer, so one signature by such a key is enough.
        manifest.envelope.signatures.retain(|previous| !check(previous, &message).throw_away);
    }
    let key_id = signature.keyid.clone();
    let replaced = envelope::add(&mut manifest.envelope.signatures, signature);
    envelope::write(&manifest.envelope, &path)?;

    let all: Vec<_> = manifest.envelope.signatures.iter().map(|one| check(one, &message)).collect();
    let agreement = verify::agreement(&all, trusted.as_ref());
    let own = agreement.signatures.iter().find(|one| one.key_id == key_id);
    let mut warnings = trusted.as_ref().map(|trusted| trusted.warnings.clone()).unwrap_or_default();
    if trusted.is_some() && !own.is_some_and(|own| own.counted) {
        let reason = own.and_then(|own| own.reason.clone()).unwrap_or_default();
        warnings.push(format!("the signature {key_id} does not count: it {reason}"));
    }
    let predicate = manifest.statement.predicate;
    Ok(Signed {
        manifest: path,
        payload_sha256: digest::of(&manifest.payload).sha256,
        steps: predicate.steps.clone(),
        predicate,
        signer: own.and_then(|own| own.signer.clone()),
        throw_away: own.is_some_and(|own| own.throw_away),
        key_id,
        replaced,
        signed_off: agreement.satisfied,
        agreement,
        warnings,
    })
}

fn lock(bundle: &Path) -> Result<File> {
    let failed = |error: std::io::Error| Failure::io("open", bundle, &error);
    let directory = File::open(bundle).map_err(failed)?;
    // On a file system without locks, signing one after the other still works.
    let _ = directory.lock();
    Ok(directory)
}

fn refuse_damaged(bundle: &Path, manifest: &Manifest, reporter: &Reporter) -> Result<()> {
    match check_files(bundle, manifest, reporter)?.into_iter().find(|subject| !subject.ok) {
        None => Ok(()),
        Some(subject) => Err(Failure::check(format!("{} in {} cannot be signed", subject.name, bundle.display()))
            .found(format!("it {}", subject.reason.unwrap_or_default()))
            .expected("the bundle as it was assembled")
            .hint("cargo xtask upgrade")),
    }
}

fn refuse_failed(predicate: &Predicate) -> Result<()> {
    if predicate.verdict.passed() {
        return Ok(());
    }
    let blocking: Vec<_> = predicate.steps.iter().filter(|step| blocks_upgrade(step)).collect();
    let found =
        blocking.iter().map(|step| format!("{} {}", step.name, verdict_phrase(step))).collect::<Vec<_>>().join(", ");
    Err(Failure::check("an upgrade that did not pass is not signed").found(found).hint("read report.md"))
}

/// Returns the public keys of a key file. For a seed or a phrase these are the ed25519 and the
/// sr25519 key, unless the request names the type.
pub fn public_keys(with: &KeySource) -> Result<Vec<PublicKeyInfo>> {
    let keys = match with {
        KeySource::Ed25519 { key_file } => vec![ChainSecret::read(KeyType::Ed25519, key_file)?.public_key()],
        KeySource::Sr25519 { key_file } => vec![ChainSecret::read(KeyType::Sr25519, key_file)?.public_key()],
        KeySource::Ssh { key_file } if is_public(key_file) => vec![public_line(key_file)?],
        KeySource::Ssh { key_file } => {
            let text = read_private(key_file)?;
            match text.contains("-----BEGIN") {
                true => vec![PublicKey::Ssh(parse_private(key_file, &text)?.public_key().clone())],
                false => {
                    // A path with a soft junction exists for sr25519 only.
                    let sr25519 = ChainSecret::read(KeyType::Sr25519, key_file)?.public_key();
                    let ed25519 = ChainSecret::read(KeyType::Ed25519, key_file).ok();
                    std::iter::once(sr25519).chain(ed25519.map(|key| key.public_key())).collect()
                }
            }
        }
        KeySource::ThrowAway | KeySource::Agent { .. } | KeySource::Import { .. } => {
            return Err(Failure::usage("only a key file has a public key to show")
                .expected("FILE, ssh:FILE, sr25519:FILE or ed25519:FILE"));
        }
    };
    let info = |key: PublicKey| {
        Ok(PublicKeyInfo {
            key_type: key.key_type(),
            public_key: key.to_text()?,
            key_id: key.key_id(),
            address: key.address(),
        })
    };
    keys.into_iter().map(info).collect()
}

fn is_public(key_file: &Path) -> bool {
    key_file.extension().is_some_and(|extension| extension == "pub")
}

fn public_line(key_file: &Path) -> Result<PublicKey> {
    PublicKey::parse(KeyType::Ssh, &String::from_utf8_lossy(&read_regular(key_file, 64 * 1024)?))
}

/// Signs `message`. `root` helps to choose the key if the ssh agent has several.
pub fn make_signature(with: &KeySource, message: &[u8], root: Option<&Root>) -> Result<Signature> {
    let by_agent = |wanted: Option<&str>, socket: Option<&Path>| {
        let mut agent = Agent::connect(socket)?;
        let key = agent.choose(wanted, |key| root.is_some_and(|root| root.lists_ssh_key(key)))?;
        agent.sign(&key, message)
    };
    match with {
        KeySource::ThrowAway => Ok(keys::throw_away(message)),
        KeySource::Agent { key, socket } => by_agent(key.as_deref(), socket.as_deref()),
        KeySource::Ssh { key_file } if is_public(key_file) => by_agent(Some(&public_line(key_file)?.to_text()?), None),
        KeySource::Ssh { key_file } => by_ssh_file(key_file, message),
        KeySource::Ed25519 { key_file } => ChainSecret::read(KeyType::Ed25519, key_file).map(|key| key.sign(message)),
        KeySource::Sr25519 { key_file } => ChainSecret::read(KeyType::Sr25519, key_file).map(|key| key.sign(message)),
        KeySource::Import { key_type, public_key, signature_file } => {
            import(*key_type, public_key.as_deref(), signature_file)
        }
    }
}

/// Checks a key before it is needed: its file can be read, contains a key, and can sign without a
/// passphrase.
pub fn check_key(with: &KeySource) -> Result<()> {
    match with {
        KeySource::Ssh { key_file } if !is_public(key_file) => ssh_key_that_signs(key_file).map(drop),
        KeySource::Ed25519 { key_file } => ChainSecret::read(KeyType::Ed25519, key_file).map(drop),
        KeySource::Sr25519 { key_file } => ChainSecret::read(KeyType::Sr25519, key_file).map(drop),
        KeySource::ThrowAway | KeySource::Agent { .. } | KeySource::Ssh { .. } | KeySource::Import { .. } => Ok(()),
    }
}

fn ssh_key_that_signs(path: &Path) -> Result<ssh_key::PrivateKey> {
    let key = parse_private(path, &read_private(path)?)?;
    let through_the_agent = |found: &str| {
        Failure::input(format!("the key {} can only sign through an ssh agent", path.display()))
            .found(found)
            .hint(format!("ssh-add {}, then sign with the agent", path.display()))
    };
    if key.is_encrypted() {
        return Err(through_the_agent("a key with a passphrase"));
    }
    match key.algorithm() {
        ssh_key::Algorithm::SkEd25519 | ssh_key::Algorithm::SkEcdsaSha2NistP256 => {
            Err(through_the_agent("a hardware key"))
        }
        // The signing time of the library's RSA implementation depends on the key
        // (RUSTSEC-2023-0071).
        ssh_key::Algorithm::Rsa { .. } => Err(through_the_agent("an RSA key")),
        _ => Ok(key),
    }
}

fn by_ssh_file(path: &Path, message: &[u8]) -> Result<Signature> {
    let key = ssh_key_that_signs(path)?;
    let failed =
        |error: ssh_key::Error| Failure::input(format!("{} cannot sign", path.display())).found(error.to_string());
    let signed = key.sign(crate::NAMESPACE, ssh_key::HashAlg::Sha512, message).map_err(failed)?;
    let signature = Vec::<u8>::try_from(signed.signature().clone()).map_err(failed)?;
    let wire = key.public_key().to_bytes().map_err(failed)?;
    let public = PublicKey::Ssh(key.public_key().clone());
    Ok(envelope::signature(public.key_id(), &keys::encode_ssh_signature(&wire, &signature)))
}

/// Parses an OpenSSH private key. The public key of an encrypted key can be read as well.
fn parse_private(path: &Path, text: &str) -> Result<ssh_key::PrivateKey> {
    if text.contains("-----BEGIN") && !text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return Err(Failure::input(format!("{} is not an OpenSSH private key", path.display()))
            .found("a key in an older or another format")
            .expected("-----BEGIN OPENSSH PRIVATE KEY-----")
            .hint(format!("sign through the agent, or convert it: ssh-keygen -p -f {}", path.display())));
    }
    if !text.contains("-----BEGIN") && ChainSecret::parse(KeyType::Sr25519, text).is_ok() {
        let path = path.display();
        return Err(Failure::input(format!("{path} is the key file of a chain account, not of ssh"))
            .found("a seed or a secret phrase")
            .expected("the type of the key before the file")
            .hint(format!("--with sr25519:{path} or --with ed25519:{path}")));
    }
    ssh_key::PrivateKey::from_openssh(text.as_bytes()).map_err(|error| {
        // About half of all P-521 keys have a secret with leading zeros, which the library cannot
        // read.
        Failure::input(format!("{} is not an OpenSSH private key that can be read", path.display()))
            .found(error.to_string())
            .hint(format!("if ssh-add {} accepts it, sign with the agent", path.display()))
    })
}

fn import(key_type: KeyType, public_key: Option<&str>, file: &Path) -> Result<Signature> {
    let invalid = |found: String| Failure::input(format!("{} contains no signature", file.display())).found(found);
    let text =
        String::from_utf8(read_regular(file, 64 * 1024)?).map_err(|_| invalid("bytes that are not text".into()))?;
    let key = public_key.map(|text| PublicKey::parse(key_type, text)).transpose()?;
    if key_type == KeyType::Ssh {
        let blob = keys::ssh_dearmor(&text)
            .ok_or_else(|| invalid("no armored ssh signature".into()).expected("-----BEGIN SSH SIGNATURE-----"))?;
        let signer_key = keys::ssh_key_of(&blob).map_err(|reason| invalid(format!("a signature that {reason}")))?;
        if key.is_some_and(|key| key.key_id() != signer_key.key_id()) {
            return Err(invalid(format!("one by {}", signer_key.key_id())).expected("one by the named key"));
        }
        return Ok(envelope::signature(signer_key.key_id(), &blob));
    }
    let key = key.ok_or_else(|| Failure::usage("a signature by a chain key comes with its public key"))?;
    let digits = text.trim();
    let bytes = hex::decode(digits.strip_prefix("0x").unwrap_or(digits)).map_err(|error| {
        invalid(error.to_string()).expected("64 bytes in hex, as a wallet or `subkey sign` shows them")
    })?;
    // Some wallets write the scheme's number before the signature, as `MultiSignature` does in
    // transactions.
    let scheme = if key_type == KeyType::Ed25519 { 0 } else { 1 };
    let bytes = match bytes.split_first() {
        Some((&first, rest)) if rest.len() == 64 && first == scheme => rest,
        _ => &bytes,
    };
    Ok(envelope::signature(key.key_id(), bytes))
}

fn invalid_signature(with: &KeySource, key_id: &str, reason: &str) -> Failure {
    let message = format!("the signature {key_id} {reason}");
    match with {
        KeySource::Import { .. } => Failure::input(message)
            .expected("a signature of this bundle's bytes, raw or wrapped in <Bytes>…</Bytes>")
            .hint("docs/evidence.md shows how to sign elsewhere"),
        _ => Failure::internal(message).hint("please report this"),
    }
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
