// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::{MANIFEST, testing::Bundle, verify::verify};
use protocol::{
    Verdict,
    manifest::Envelope,
    verify::{Verification, VerifyRequest},
};
use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Returns whether a program is installed. Reports skipped tests in the output.
fn installed(program: &str) -> bool {
    let there =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|at| at.join(program).is_file()));
    if !there {
        println!("SKIPPED: {program} is not installed; install openssh-client to run this test");
    }
    there
}

fn run(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().expect("it runs").status.success()
}

/// Makes a key with `ssh-keygen`. Returns its file and its public key line.
fn ssh_keygen(bundle: &Bundle, name: &str, kind: &[&str], passphrase: &str) -> (PathBuf, String) {
    let path = bundle.beside(name);
    assert!(run(Command::new("ssh-keygen")
        .args(["-q", "-N", passphrase, "-C", name, "-f"])
        .arg(&path)
        .arg("-t")
        .args(kind)));
    let line = std::fs::read_to_string(path.with_extension("pub")).expect("a public key");
    (path, line.trim().to_owned())
}

fn verified(bundle: &Bundle, root: &Path) -> Verification {
    let request =
        VerifyRequest { bundle: bundle.root_directory(), root: Some(root.to_path_buf()), ..VerifyRequest::default() };
    verify(&request, &Reporter::silent()).expect("verified").value
}

fn message(bundle: &Bundle) -> PathBuf {
    let path = bundle.beside("message");
    let message = Manifest::read(&bundle.path(MANIFEST)).expect("read").signed_bytes();
    std::fs::write(&path, message).expect("written");
    path
}

/// Signs with a new key of a kind. Some ECDSA keys can sign only through an agent, so this tries
/// several.
fn ssh_keygen_until_signed(bundle: &Bundle, kind: &[&str]) -> (String, Signed) {
    for _ in 0..40 {
        let (key_file, line) = ssh_keygen(bundle, "signer", kind, "");
        match bundle.sign(KeySource::Ssh { key_file: key_file.clone() }) {
            Ok(signed) => return (line, signed),
            Err(failure) => assert!(kind[0] == "ecdsa" && failure.hint.expect("a hint").contains("ssh-add")),
        }
        std::fs::remove_file(&key_file).expect("removed");
    }
    panic!("no key of the kind {kind:?} can sign");
}

#[test]
fn ssh_keygen_accepts_what_we_sign_and_refuses_another_message() {
    if !installed("ssh-keygen") {
        return;
    }
    for kind in [&["ed25519"][..], &["ecdsa", "-b", "256"], &["ecdsa", "-b", "384"], &["ecdsa", "-b", "521"]] {
        let bundle = Bundle::assembled();
        let (line, signed) = ssh_keygen_until_signed(&bundle, kind);
        let envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
        let armored = keys::ssh_armor(&envelope::signature_bytes(&envelope.signatures[0]).expect("base64"));
        std::fs::write(bundle.beside("message.sig"), armored).expect("written");
        std::fs::write(bundle.beside("allowed"), format!("signer {line}\n")).expect("written");
        let accepts = |message: &Path| {
            let message = File::open(message).expect("opened");
            let arguments = ["-Y", "verify", "-n", "cutover-upgrade", "-I", "signer", "-f"];
            let mut command = Command::new("ssh-keygen");
            command.args(arguments).arg(bundle.beside("allowed")).arg("-s").arg(bundle.beside("message.sig"));
            command.stdin(message).output().expect("it runs").status.success()
        };
        assert!(accepts(&message(&bundle)), "{kind:?}");
        assert!(!accepts(&bundle.path("report.md")), "{kind:?}");

        let fingerprint = Command::new("ssh-keygen").args(["-l", "-f"]).arg(bundle.beside("signer.pub")).output();
        let fingerprint = String::from_utf8(fingerprint.expect("it runs").stdout).expect("text");
        assert!(fingerprint.contains(signed.key_id.trim_start_matches("ssh:")), "{fingerprint}");
    }
}

#[test]
fn a_key_that_cannot_sign_alone_is_refused_in_advance() {
    if !installed("ssh-keygen") {
        return;
    }
    let bundle = Bundle::assembled();
    let (locked, _) = ssh_keygen(&bundle, "locked", &["ed25519"], "a passphrase");
    let refused = check_key(&KeySource::Ssh { key_file: locked.clone() }).expect_err("it asks for its passphrase");
    assert!(refused.hint.is_some_and(|hint| hint.contains("ssh-add")), "the agent can");
    // The public key file stands for the key in the agent.
    check_key(&KeySource::Ssh { key_file: locked.with_extension("pub") }).expect("fine");
    let (open, _) = ssh_keygen(&bundle, "open", &["ed25519"], "");
    check_key(&KeySource::Ssh { key_file: open }).expect("it signs");
}

#[test]
fn signing_removes_the_partial_files_of_an_interrupted_one() {
    let bundle = Bundle::assembled();
    bundle.write(".partial-Ab1", b"{");
    assert_eq!(bundle.verify_integrity().verdict, Verdict::Fail, "it belongs to nothing");
    bundle.sign(KeySource::ThrowAway).expect("signed");
    assert_eq!(bundle.verify_integrity().verdict, Verdict::Pass);
}

#[test]
fn a_key_that_the_file_of_signers_does_not_list_does_not_sign() {
    if !installed("ssh-keygen") {
        return;
    }
    let bundle = Bundle::assembled();
    let (stranger, _) = ssh_keygen(&bundle, "mallory", &["ed25519"], "");
    let (listed, line) = ssh_keygen(&bundle, "ana", &["ed25519"], "");
    let root = bundle.root(1, &[("ana", KeyType::Ssh, line)]);
    let by = |key_file: PathBuf| {
        let request = SignRequest {
            bundle: bundle.root_directory(),
            with: KeySource::Ssh { key_file },
            root: Some(root.clone()),
            accepted: None,
        };
        sign(&request, &Reporter::silent())
    };
    let refused = by(stranger).expect_err("nobody listed it");
    assert!(refused.kind == worker::Kind::Usage && refused.expected.is_some_and(|names| names.contains("ana")));
    by(listed).expect("signed");
}

#[test]
fn we_accept_what_ssh_keygen_signs_in_our_namespace_only() {
    if !installed("ssh-keygen") {
        return;
    }
    for kind in [&["ed25519"][..], &["ecdsa"], &["rsa", "-b", "2048"]] {
        let bundle = Bundle::assembled();
        let (key_file, line) = ssh_keygen(&bundle, "signer", kind, "");
        let root = bundle.root(1, &[("signer", KeyType::Ssh, line.clone())]);
        let import = |namespace: &str, file: &Path| {
            let _ = std::fs::remove_file(file.with_extension("sig"));
            let mut command = Command::new("ssh-keygen");
            assert!(run(command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(&key_file).arg(file)));
            let signature_file = PathBuf::from(format!("{}.sig", file.display()));
            let result = bundle.sign(KeySource::Import {
                key_type: KeyType::Ssh,
                public_key: Some(line.clone()),
                signature_file: signature_file.clone(),
            });
            std::fs::remove_file(signature_file).expect("removed");
            result
        };
        let message = message(&bundle);
        let failure = import("git", &message).expect_err("another namespace");
        assert!(failure.to_string().contains("namespace \"git\""), "{failure}");
        assert_eq!(failure.kind, worker::Kind::Input);
        std::fs::write(bundle.beside("other"), "something else").expect("written");
        import("cutover-upgrade", &bundle.beside("other")).expect_err("another message");
        assert!(!verified(&bundle, &root).agreement.satisfied);
        import("cutover-upgrade", &message).expect("imported");
        assert_eq!(verified(&bundle, &root).verdict, Verdict::Pass, "{kind:?}");
    }
}

/// A separate ssh agent for a test. It ends with the test.
struct OwnAgent(Child, PathBuf);

impl OwnAgent {
    fn start(bundle: &Bundle) -> Self {
        let socket = bundle.beside("agent.sock");
        let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn();
        let agent = Self(child.expect("it runs"), socket);
        while !agent.1.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        agent
    }

    fn add(&self, key_file: &Path) {
        assert!(run(Command::new("ssh-add").arg("-q").arg(key_file).env("SSH_AUTH_SOCK", &self.1)));
    }

    fn with(&self, key: Option<&str>) -> KeySource {
        KeySource::Agent { key: key.map(str::to_owned), socket: Some(self.1.clone()) }
    }
}

impl Drop for OwnAgent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_ssh_agent_signs_with_the_key_that_is_named() {
    if !(installed("ssh-agent") && installed("ssh-add") && installed("ssh-keygen")) {
        return;
    }
    let bundle = Bundle::assembled();
    let agent = OwnAgent::start(&bundle);
    let none = bundle.sign(agent.with(None)).expect_err("no keys yet");
    assert_eq!(none.kind, worker::Kind::Environment);

    let (first, first_line) = ssh_keygen(&bundle, "first", &["ed25519"], "");
    let (second, second_line) = ssh_keygen(&bundle, "second", &["rsa", "-b", "2048"], "");
    let root = bundle.root(2, &[("ana", KeyType::Ssh, first_line.clone()), ("ben", KeyType::Ssh, second_line.clone())]);
    agent.add(&first);
    bundle.sign(agent.with(None)).expect("the only key");
    assert!(!verified(&bundle, &root).agreement.satisfied);

    agent.add(&second);
    let several = bundle.sign(agent.with(None)).expect_err("which?");
    assert_eq!(several.kind, worker::Kind::Usage);
    assert!(several.found.expect("the keys").contains("second"));
    let unknown = bundle.sign(agent.with(Some("third"))).expect_err("not there");
    assert!(unknown.message.contains("third"));

    let by_name = bundle.sign(agent.with(Some("second"))).expect("by name");
    assert_eq!(by_name.agreement.signatures.len(), 2, "the previous signature stays");
    assert_eq!(verified(&bundle, &root).verdict, Verdict::Pass);
    let by_line = bundle.sign(agent.with(Some(&second_line))).expect("by line");
    assert!(by_line.replaced && by_line.agreement.signatures.len() == 2);
    bundle.sign(agent.with(Some(&by_line.key_id))).expect("by fingerprint");
    assert_eq!(verified(&bundle, &root).verdict, Verdict::Pass);

    // With a file of signers that lists only one of the keys, the choice is clear.
    let narrow = bundle.root(1, &[("ana", KeyType::Ssh, first_line)]);
    let request =
        SignRequest { bundle: bundle.root_directory(), with: agent.with(None), root: Some(narrow), accepted: None };
    let signed = sign(&request, &Reporter::silent()).expect("the root's own");
    assert_eq!((signed.signer.as_deref(), signed.signed_off), (Some("ana"), true));
}

#[test]
fn for_ssh_keys_that_cannot_sign_here_the_agent_is_suggested() {
    if !installed("ssh-keygen") {
        return;
    }
    let bundle = Bundle::assembled();
    let (encrypted, _) = ssh_keygen(&bundle, "encrypted", &["ed25519"], "secret words");
    let (rsa, _) = ssh_keygen(&bundle, "rsa", &["rsa", "-b", "2048"], "");
    for key_file in [encrypted, rsa] {
        let failure = bundle.sign(KeySource::Ssh { key_file }).expect_err("refused");
        assert_eq!(failure.kind, worker::Kind::Input);
        assert!(failure.hint.expect("a hint").contains("ssh-add"), "{}", failure.message);
    }
    let (pem, _) = ssh_keygen(&bundle, "pem", &["ecdsa", "-m", "PEM"], "");
    let failure = bundle.sign(KeySource::Ssh { key_file: pem }).expect_err("refused");
    assert!(failure.hint.expect("a hint").contains("ssh-keygen -p"));
}

fn private(bundle: &Bundle, name: &str, content: &str) -> PathBuf {
    let path = bundle.beside(name);
    std::fs::write(&path, content).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("private");
    }
    path
}

#[test]
fn files_that_are_no_keys_are_refused() {
    let bundle = Bundle::assembled();
    let before = bundle.read(MANIFEST);
    for content in ["", "hello", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"] {
        let key_file = private(&bundle, "key", content);
        assert_eq!(bundle.sign(KeySource::Ssh { key_file }).expect_err(content).kind, worker::Kind::Input);
    }
    let key_file = bundle.beside("none");
    assert_eq!(bundle.sign(KeySource::Ed25519 { key_file }).expect_err("missing").kind, worker::Kind::Input);
    assert_eq!(bundle.read(MANIFEST), before);
}

#[test]
fn signatures_are_added_and_kept() {
    let bundle = Bundle::assembled();
    let (ana, entry) = bundle.chain_key("ana", KeyType::Sr25519);
    let (ben, _) = bundle.chain_key("ben", KeyType::Ed25519);
    assert_eq!(bundle.sign(ana.clone()).expect("signed").agreement.signatures.len(), 1);
    assert_eq!(bundle.sign(ben).expect("signed").agreement.signatures.len(), 2);
    let again = bundle.sign(ana).expect("signed again");
    assert!(again.replaced);
    assert_eq!(again.agreement.signatures.len(), 2);
    assert_eq!(again.key_id, format!("sr25519:{}", entry.2));
    let entries = std::fs::read_dir(bundle.root_directory()).expect("listed");
    assert!(entries.flatten().all(|entry| !entry.file_name().to_string_lossy().starts_with(".partial")));
}

#[test]
fn only_one_throw_away_signature_is_kept() {
    let bundle = Bundle::assembled();
    let first = bundle.sign(KeySource::ThrowAway).expect("signed");
    let second = bundle.sign(KeySource::ThrowAway).expect("signed");
    assert_ne!(first.key_id, second.key_id);
    assert_eq!(second.agreement.signatures.len(), 1);
    assert!(second.throw_away && !second.signed_off);
}

#[test]
fn damaged_and_failed_bundles_are_not_signed() {
    let bundle = Bundle::assembled();
    bundle.flip("report.md", 0, 1);
    let failure = bundle.sign(KeySource::ThrowAway).expect_err("damaged");
    assert!(failure.message.contains("report.md"), "{failure}");
    assert_eq!(failure.kind, worker::Kind::Check);

    let bundle = Bundle::new();
    bundle.write_step("dry-run", Verdict::Fail, |_| {});
    bundle.assemble();
    let failure = bundle.sign(KeySource::ThrowAway).expect_err("fail");
    assert!(failure.found.expect("which").contains("dry-run"));
}

#[test]
fn assembling_the_same_again_keeps_signatures_and_another_drops_them() {
    let bundle = Bundle::assembled();
    bundle.sign(KeySource::ThrowAway).expect("signed");
    assert_eq!(bundle.assemble().signatures_kept, 1);
    bundle.write("report.md", b"another");
    assert_eq!(bundle.assemble().signatures_kept, 0);
}

#[test]
fn concurrent_signatures_all_count() {
    let bundle = Bundle::assembled();
    let keys = ["a", "b", "c", "d", "e", "f"].map(|name| bundle.chain_key(name, KeyType::Ed25519).0);
    std::thread::scope(|scope| {
        for with in keys {
            scope.spawn(|| bundle.sign(with).expect("signed"));
        }
    });
    let envelope: Envelope = serde_json::from_slice(&bundle.read(MANIFEST)).expect("JSON");
    assert_eq!(envelope.signatures.len(), 6);
}

/// A wallet wraps the bytes, signs them and shows hex. Some wallets write the scheme's number
/// first.
#[test]
fn a_wallets_signature_is_imported() {
    let bundle = Bundle::assembled();
    let seed = "0x".to_owned() + &"42".repeat(32);
    let message = Manifest::read(&bundle.path(MANIFEST)).expect("read").signed_bytes();
    let wrapped = [b"<Bytes>", &message[..], b"</Bytes>"].concat();
    for (key_type, scheme) in [(KeyType::Ed25519, 0u8), (KeyType::Sr25519, 1)] {
        let secret = ChainSecret::parse(key_type, &seed).expect("a secret");
        let public_key = secret.public_key().to_text().expect("text");
        let root = bundle.root(1, &[("wallet", key_type, public_key.clone())]);
        for (message, prefix, accepted) in [
            (&message[..], &[][..], true),
            (&wrapped, &[], true),
            (&wrapped, &[scheme], true),
            (&wrapped, &[scheme ^ 1], false),
            (b"other", &[], false),
        ] {
            let signature = envelope::signature_bytes(&secret.sign(message)).expect("base64");
            let mut file = File::create(bundle.beside("signature")).expect("created");
            writeln!(file, "0x{}", hex::encode([prefix, &signature[..]].concat())).expect("written");
            let result = bundle.sign(KeySource::Import {
                key_type,
                public_key: Some(public_key.clone()),
                signature_file: bundle.beside("signature"),
            });
            assert_eq!(result.is_ok(), accepted, "{key_type:?} {prefix:?}");
        }
        assert_eq!(verified(&bundle, &root).verdict, Verdict::Pass);
    }
    let signature_file = bundle.beside("signature");
    let unnamed = KeySource::Import { key_type: KeyType::Sr25519, public_key: None, signature_file };
    assert_eq!(bundle.sign(unnamed).expect_err("whose?").kind, worker::Kind::Usage);
}

#[test]
fn a_chain_key_without_its_type_is_named_as_one() {
    let bundle = Bundle::assembled();
    let (key, _) = bundle.chain_key("ana", KeyType::Sr25519);
    let key_file = key.secret_file().expect("a file").clone();
    let secret = std::fs::read_to_string(&key_file).expect("read");
    for failure in [
        bundle.sign(KeySource::Ssh { key_file: key_file.clone() }).expect_err("not of ssh"),
        check_key(&KeySource::Ssh { key_file: key_file.clone() }).expect_err("not of ssh"),
    ] {
        let (sr25519, ed25519) = (format!("sr25519:{}", key_file.display()), format!("ed25519:{}", key_file.display()));
        let hint = failure.hint.as_deref().unwrap_or_default();
        assert!(hint.contains(&sr25519) && hint.contains(&ed25519), "{failure}");
        assert!(!failure.to_string().contains(secret.trim()), "{failure}");
    }
}
