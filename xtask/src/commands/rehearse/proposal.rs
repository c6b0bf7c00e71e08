// SPDX-License-Identifier: Apache-2.0
//! Reads the proposal that the command line names: a call, a file or a bundle with one, a preimage or a referendum.

use super::super::{bundle_directory, propose::DOCUMENT};
use evidence::step;
use protocol::{
    build::BuildResult,
    format,
    network_proposal::NetworkProposal,
    proposal::{Call, CallProposal, Proposal, ProposeOutcome, Route},
    rehearse::Proposed,
    step::StepResult,
};
use std::path::{Path, PathBuf};
use worker::{Failure, Kind, Result};
use workspace::inputs::file_digest;

/// The folder of the calls in the directory of a proposal.
pub const CALLS: &str = "calls";

/// The greatest size of a file with a call, in bytes.
const FILE_LIMIT: u64 = 8 * 1024 * 1024;

/// The greatest size of a call, in bytes: that of a preimage (`MAX_SIZE` of pallet-preimage).
const CALL_LIMIT: usize = 4 * 1024 * 1024;

const FORMS: &str = "a call in hex (0x…), a file with a call, a bundle, preimage:0xHASH or referendum:N";

/// A proposal.
#[derive(Debug)]
pub struct Given {
    pub proposed: Proposed,
    /// The files that it was read from.
    pub files: Vec<PathBuf>,
    /// The blob that a bundle's proposal authorizes.
    pub blob: Option<PathBuf>,
    /// The call that is signed or voted on, in words, if the proposal is the one inside.
    pub source: Option<String>,
}

impl From<Proposed> for Given {
    fn from(proposed: Proposed) -> Self {
        Self { proposed, files: Vec::new(), blob: None, source: None }
    }
}

/// Reads a proposal in one of the forms of the command line.
pub fn read(text: &str) -> Result<Given> {
    if let Some(hash) = text.strip_prefix("preimage:") {
        return preimage(hash).map(Given::from);
    }
    if let Some(index) = text.strip_prefix("referendum:") {
        return referendum(index).map(Given::from);
    }
    if text.starts_with("0x") {
        return of_hex(Kind::Usage, "the encoded call", text).map(Given::from);
    }
    let path = Path::new(text);
    match (path.is_dir(), path.exists()) {
        (true, _) => in_directory(path),
        (false, true) => in_file(path),
        (false, false) => {
            let failure = Failure::input(format!("there is no proposal {}", protocol::hide_addresses(text)))
                .found("no file or directory of this name")
                .expected(FORMS);
            let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            Err(if is_hex { failure.hint("write 0x before a call in hex") } else { failure })
        }
    }
}

fn preimage(hash: &str) -> Result<Proposed> {
    let bytes = hex::decode(hash).ok().filter(|bytes| hash.starts_with("0x") && bytes.len() == 32);
    let bytes = bytes.ok_or_else(|| {
        Failure::usage("the preimage has no valid hash")
            .found(hash)
            .expected("preimage:0x and 64 hex digits, the BLAKE2-256 hash of the call")
    })?;
    Ok(Proposed::Preimage(hex::encode_prefixed(bytes)))
}

fn referendum(index: &str) -> Result<Proposed> {
    let failed = |error: std::num::ParseIntError| {
        Failure::usage("the referendum has no valid number")
            .found(format!("{index:?}: {error}"))
            .expected("referendum: and the index of the pallet Referenda, such as referendum:7")
    };
    index.parse().map(Proposed::Referendum).map_err(failed)
}

/// Returns the call that a text encodes. `kind` is the kind of a failure, and `name` the name of the text.
fn of_hex(kind: Kind, name: &str, text: &str) -> Result<Proposed> {
    let bytes = hex::decode(text).map_err(|error| {
        Failure::new(kind, format!("{name} is not valid hex"))
            .found(error.to_string())
            .expected("0x and an even number of hex digits")
    })?;
    of_bytes(kind, name, &bytes)
}

fn of_bytes(kind: Kind, name: &str, bytes: &[u8]) -> Result<Proposed> {
    match bytes.len() {
        0 => Err(Failure::new(kind, format!("{name} is empty")).expected("an encoded call")),
        length if length > CALL_LIMIT => Err(Failure::new(kind, format!("{name} is too large"))
            .found(format!("a call of {length} bytes"))
            .expected(format!("at most {CALL_LIMIT} bytes, the limit of preimages"))),
        _ => Ok(Proposed::Call(hex::encode_prefixed(bytes))),
    }
}

/// Reads a call from a file: hex as text, or the bytes.
fn in_file(path: &Path) -> Result<Given> {
    let name = path.display().to_string();
    let content = files::read_bounded(path, FILE_LIMIT)?;
    let is_hex =
        |text: &&str| text.starts_with("0x") || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let proposed = match std::str::from_utf8(content.trim_ascii()).ok().filter(is_hex) {
        Some(text) => of_hex(Kind::Input, &name, text)?,
        None => of_bytes(Kind::Input, &name, &content)?,
    };
    Ok(Given { files: vec![path.to_path_buf()], ..proposed.into() })
}

/// Reads the call from a bundle, or from the directory of `propose upgrade --out`. The folder of the calls in it
/// stands for either.
fn in_directory(path: &Path) -> Result<Given> {
    let evidence = evidence_of::<ProposeOutcome>();
    let parent = path.parent().filter(|_| path.ends_with(CALLS));
    for directory in std::iter::once(bundle_directory(path)?).chain(parent) {
        let (step, document) = (directory.join(&evidence), directory.join(DOCUMENT));
        if step.is_file() {
            return in_bundle(directory, step);
        }
        if document.is_file() {
            return in_document(document);
        }
    }
    Err(Failure::input(format!("{} has no call", path.display()))
        .found(format!("neither {evidence} nor {DOCUMENT}"))
        .expected("a bundle of one runtime, or the directory of `propose upgrade --out`"))
}

fn evidence_of<T: StepResult>() -> String {
    format!("{}.json", T::STEP)
}

fn in_bundle(directory: &Path, evidence: PathBuf) -> Result<Given> {
    let outcome: ProposeOutcome = step::result(&step::read(&evidence)?)?;
    let proposal = match outcome {
        ProposeOutcome::Proposed(proposal) => proposal,
        ProposeOutcome::Refused { error } => {
            return Err(Failure::input(format!("{} has no call", directory.display()))
                .found(format!("an upgrade that its chain would refuse: {error}"))
                .expected("the bundle of an upgrade that was proposed"));
        }
    };
    let build = directory.join(evidence_of::<BuildResult>());
    let built: BuildResult = step::result(&step::read(&build)?)?;
    // The evidence may be of others: it names a file of the bundle, and no other one.
    let blob = directory.join(Path::new(&built.blob.path).file_name().unwrap_or_default());
    let digest = file_digest(&blob)?;
    if digest != proposal.code_hash {
        return Err(Failure::input(format!("{} is not the blob that the proposal authorizes", blob.display()))
            .found(digest)
            .expected(&proposal.code_hash));
    }
    let given = of_proposal(&proposal, directory)?;
    Ok(Given { files: [vec![evidence, build], given.files].concat(), blob: Some(blob), ..given })
}

fn in_document(document: PathBuf) -> Result<Given> {
    let text = files::read_bounded(&document, step::SIZE_LIMIT)?;
    let invalid = |error: serde_json::Error| {
        Failure::input(format!("{} is not the document of a proposal", document.display()))
            .found(error.to_string())
            .hint("write it again with the --out of `cargo xtask propose`")
    };
    let directory = document.parent().unwrap_or(Path::new("."));
    // The proposal of an upgrade names no format.
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).map_err(invalid)?;
    let given = match fields.get("format") {
        Some(name) if name == format::NETWORK_PROPOSAL => {
            let proposal: NetworkProposal = serde_json::from_slice(&text).map_err(invalid)?;
            of_calls(proposal.route, &proposal.calls, directory)?
        }
        Some(_) => {
            let proposal: CallProposal = serde_json::from_slice(&text).map_err(invalid)?;
            of_calls(proposal.route, &proposal.calls, directory)?
        }
        None => of_proposal(&serde_json::from_slice(&text).map_err(invalid)?, directory)?,
    };
    Ok(Given { files: [vec![document], given.files].concat(), ..given })
}

/// Returns the call that is dispatched for a proposal: the one that the key of Sudo signs, or the one that root
/// dispatches after a referendum. `directory` has the files of the proposal.
pub fn of_proposal(proposal: &Proposal, directory: &Path) -> Result<Given> {
    of_calls(proposal.route, &proposal.calls, directory)
}

fn of_calls(route: Route, calls: &[Call], directory: &Path) -> Result<Given> {
    let name = format!("the proposal in {}", directory.display());
    let lacks = |found: String| Failure::input(format!("{name} has no call that can be dispatched")).found(found);
    let first = calls.first().ok_or_else(|| lacks("no calls".into()))?;
    let length = || format!("{}, {} bytes", first.name, first.length);
    if route.by_referendum() {
        // Each call of a referendum carries it: the first one notes its preimage, whitelists or submits it.
        let inner = first.carries.first().filter(|inner| !inner.bytes.is_empty()).ok_or_else(|| {
            lacks(length())
                .expected("a call of up to 64 KiB, which authorizes code by its hash")
                .hint("give that call itself, in hex or in a file")
        })?;
        return Ok(Given { source: Some(carried(calls)), ..of_hex(Kind::Input, &name, &inner.bytes)?.into() });
    }
    let source = Some(format!("the call {} of the proposal, which the key of Sudo signs", first.name));
    if !first.bytes.is_empty() {
        return Ok(Given { source, ..of_hex(Kind::Input, &name, &first.bytes)?.into() });
    }
    // A call that contains code is too long for the document. The evidence may be of others: it names a file of the
    // directory, and no other one.
    let file = first.files.iter().find(|file| file.ends_with(".scale")).ok_or_else(|| lacks(length()))?;
    let file = directory.join(CALLS).join(Path::new(file).file_name().unwrap_or_default());
    let found = file_digest(&file)?;
    if found != first.hash {
        return Err(Failure::input(format!("{} is not the call {} of the proposal", file.display(), first.name))
            .found(found)
            .expected(&first.hash));
    }
    Ok(Given { source, ..in_file(&file)? })
}

/// Tells which calls carry the one that root dispatches: those that are signed for its referendum.
fn carried(calls: &[Call]) -> String {
    let calls: Vec<_> = calls.iter().map(|call| format!("{} {}", call.name, call.hash)).collect();
    format!("the call that root dispatches, carried by {}", calls.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Verdict, build::BlobFile, proposal::InnerCall};

    fn call(text: &str) -> Proposed {
        Proposed::Call(text.into())
    }

    fn refused(text: &str) -> Failure {
        read(text).expect_err("no proposal")
    }

    #[test]
    fn a_call_a_preimage_and_a_referendum_are_given_as_text() {
        let proposed = |text: &str| read(text).expect("a proposal").proposed;
        assert_eq!(proposed("0x0000AB"), call("0x0000ab"));
        let hash = format!("0x{}", "Ab".repeat(32));
        assert_eq!(proposed(&format!("preimage:{hash}")), Proposed::Preimage(hash.to_lowercase()));
        assert_eq!(proposed("referendum:1600"), Proposed::Referendum(1600));
    }

    #[test]
    fn wrong_texts_are_errors_of_the_command_line() {
        let other = "ab".repeat(32);
        for (text, found) in [
            ("0x", None),
            ("0x000", Some("odd number of digits")),
            ("0x00zz", Some("invalid character 'z'")),
            ("preimage:", Some("")),
            ("preimage:0x12", Some("0x12")),
            (&*format!("preimage:{other}"), Some(&*other)),
            ("referendum:", Some("empty")),
            ("referendum:seven", Some("invalid digit")),
            ("referendum:4294967296", Some("too large")),
            ("referendum:-1", Some("invalid digit")),
        ] {
            let failure = refused(text);
            assert_eq!(failure.kind, Kind::Usage, "{text}: {failure:?}");
            assert!(failure.expected.is_some(), "{text}: {failure:?}");
            if let Some(found) = found {
                assert!(failure.found.as_ref().is_some_and(|text| text.contains(found)), "{text}: {failure:?}");
            }
        }
    }

    #[test]
    fn what_is_no_file_is_named_with_all_forms_and_without_keys() {
        let failure = refused("no/such/file");
        assert_eq!((failure.kind, &*failure.message), (Kind::Input, "there is no proposal no/such/file"));
        assert_eq!(failure.expected.as_deref(), Some(FORMS));
        let address = refused("wss://node/0123456789abcdef");
        assert!(!format!("{address:?}").contains("0123456789abcdef"), "{address:?}");
    }

    #[test]
    fn a_file_has_hex_or_bytes() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("call");
        let of = |content: &[u8]| {
            std::fs::write(&file, content).expect("written");
            read(file.to_str().expect("UTF-8"))
        };
        for (content, expected) in [
            (&b"0x0000AB\n"[..], "0x0000ab"),
            (b" 0000ab \n", "0x0000ab"),
            (b"\x00\x00\x04\xff", "0x000004ff"),
            // Text that is no hex is the bytes of a call.
            (b"remark", "0x72656d61726b"),
        ] {
            let given = of(content).expect("a call");
            assert_eq!(given.proposed, call(expected));
            assert_eq!((given.files, given.blob), (vec![file.clone()], None));
        }
        for (content, found) in [
            (&b""[..], "is empty"),
            (b"0x", "is empty"),
            (b"0x00 00", "is not valid hex"),
            (b"000", "is not valid hex"),
            (&vec![1_u8; CALL_LIMIT + 1], "is too large"),
            (&vec![1_u8; FILE_LIMIT as usize + 1], "is too large"),
        ] {
            let failure = of(content).expect_err("no call");
            assert_eq!(failure.kind, Kind::Input);
            assert!(failure.message.contains(found), "{failure:?}");
        }
    }

    fn proposal(route: Route, calls: Vec<Call>, code_hash: &str) -> Proposal {
        Proposal {
            route,
            possible_routes: vec![route],
            chain: "solo".into(),
            from_spec_version: 1,
            to_spec_version: 2,
            code_hash: code_hash.into(),
            code_length: 4,
            without_checks: false,
            xcm_version: None,
            calls,
            apply: None,
            notes: Vec::new(),
            links: Vec::new(),
        }
    }

    fn named(name: &str, bytes: &str, carries: &[&str]) -> Call {
        let inner = |bytes: &&str| InnerCall {
            chain: "solo".into(),
            bytes: (*bytes).into(),
            hash: String::new(),
            length: 0,
            decoded: String::new(),
        };
        Call {
            name: name.into(),
            bytes: bytes.into(),
            carries: carries.iter().map(inner).collect(),
            length: 70_000,
            ..Call::default()
        }
    }

    #[test]
    fn the_call_that_is_signed_or_that_root_dispatches_is_taken() {
        let directory = tempfile::tempdir().expect("a directory");
        let of = |route, calls: &[Call]| {
            of_proposal(&proposal(route, calls.to_vec(), ""), directory.path()).map(|given| given.proposed)
        };
        for (route, calls, expected) in [
            (Route::Sudo, vec![named("sudo", "0x0700000901", &[])], "0x0700000901"),
            (Route::RelaySuperuserSudo, vec![named("sudo", "0x07006300", &["0x0009"])], "0x07006300"),
            (Route::RootReferendum, vec![named("submit", "0x5c00", &["0x000901"])], "0x000901"),
            (
                // The carried call is inside of the message that root sends.
                Route::RelaySuperuserReferendum,
                vec![named("note_preimage", "0x0a00", &["0x6300", "0x0009"]), named("submit", "0x5c00", &["0x6300"])],
                "0x6300",
            ),
            (
                Route::WhitelistedReferendum,
                vec![named("whitelist_call", "0x2000", &["0x0009"]), named("submit", "0x5c00", &["0x20030009"])],
                "0x0009",
            ),
        ] {
            assert_eq!(of(route, &calls), Ok(call(expected)), "{route}");
        }
        for (route, calls, found) in [
            (Route::Sudo, vec![], "no calls"),
            (Route::Sudo, vec![named("sudo", "", &[])], "sudo, 70000 bytes"),
            (Route::RootReferendum, vec![named("note_preimage", "", &[""])], "note_preimage, 70000 bytes"),
        ] {
            let failure = of(route, &calls).expect_err("no call");
            assert_eq!(failure.kind, Kind::Input);
            assert_eq!(failure.found.as_deref(), Some(found), "{failure:?}");
        }
    }

    #[test]
    fn a_long_call_is_in_a_file_that_its_hash_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let calls = directory.path().join("calls");
        std::fs::create_dir(&calls).expect("made");
        std::fs::write(calls.join("01-sudo.scale"), [7, 0, 0, 2, 0xff]).expect("written");
        let hash = file_digest(&calls.join("01-sudo.scale")).expect("a digest");
        let files = vec!["calls/01-sudo.hex".to_owned(), "../elsewhere/01-sudo.scale".into()];
        let of = |hash: &str| {
            let long = Call { files: files.clone(), hash: hash.into(), ..named("sudo", "", &[]) };
            of_proposal(&proposal(Route::Sudo, vec![long], ""), directory.path())
        };
        assert_eq!(of(&hash).expect("a call").proposed, call("0x07000002ff"));
        assert!(of("0x12").expect_err("another call").message.contains("is not the call sudo of the proposal"));
    }

    /// Returns a directory with the parts of a bundle. The blob has the hash `code_hash`.
    fn bundle(outcome: impl FnOnce(&str) -> ProposeOutcome) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let blob = directory.path().join("solo.wasm");
        std::fs::write(&blob, b"code").expect("written");
        let digest = file_digest(&blob).expect("a digest");
        // Evidence that names another directory does not lead there.
        let built = BuildResult {
            blob: BlobFile { path: "../elsewhere/solo.wasm".into(), blake2_256: digest.clone() },
            ..BuildResult::default()
        };
        step::write(&step::of(Verdict::Pass, &built).expect("a step"), directory.path()).expect("written");
        let outcome = outcome(&digest);
        step::write(&step::of(Verdict::Pass, &outcome).expect("a step"), directory.path()).expect("written");
        let path = directory.path().to_str().expect("UTF-8").to_owned();
        (directory, path)
    }

    fn sudo(code_hash: &str) -> ProposeOutcome {
        let calls = vec![named("sudo", "0x0700000901", &[])];
        ProposeOutcome::Proposed(Box::new(proposal(Route::Sudo, calls, code_hash)))
    }

    #[test]
    fn a_bundle_has_the_call_and_the_blob() {
        let (directory, path) = bundle(sudo);
        let calls = directory.path().join("calls");
        std::fs::create_dir(&calls).expect("made");
        for path in [path.as_str(), calls.to_str().expect("UTF-8")] {
            let given = read(path).expect("a bundle");
            assert_eq!(given.proposed, call("0x0700000901"));
            assert_eq!(given.blob, Some(directory.path().join("solo.wasm")));
            assert_eq!(given.files.len(), 2);
        }
        std::fs::write(directory.path().join("solo.wasm"), b"other").expect("written");
        assert!(refused(&path).message.contains("is not the blob that the proposal authorizes"));
        std::fs::remove_file(directory.path().join("solo.wasm")).expect("removed");
        assert_eq!(refused(&path).kind, Kind::Input);
    }

    #[test]
    fn a_bundle_of_a_refused_upgrade_has_no_call() {
        let (_directory, path) = bundle(|_| ProposeOutcome::Refused { error: Failure::check("an old version") });
        let failure = refused(&path);
        assert!(failure.found.is_some_and(|text| text.contains("an old version")));
    }

    #[test]
    fn a_directory_of_propose_has_the_call_and_no_blob() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().to_str().expect("UTF-8");
        let failure = refused(path);
        assert_eq!(failure.found.as_deref(), Some("neither propose.json nor proposal.json"));
        let document = directory.path().join(DOCUMENT);
        std::fs::write(&document, "{}").expect("written");
        assert!(refused(path).message.ends_with("is not the document of a proposal"));
        let text = serde_json::to_vec(&sudo("0x12")).expect("JSON");
        std::fs::write(&document, text).expect("written");
        let given = read(path).expect("a call");
        assert_eq!((given.proposed, given.files, given.blob), (call("0x0700000901"), vec![document], None));
    }

    #[test]
    fn a_directory_of_propose_network_has_the_call() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().to_str().expect("UTF-8");
        let of_network = |route: &str, calls: &[Call]| {
            let document = serde_json::json!({
                "format": format::NETWORK_PROPOSAL,
                "route": route,
                "possible_routes": [route],
                "governing": "relay",
                "upgrades": [],
                "call": {"chain": "relay", "hash": "", "length": 0, "decoded": ""},
                "without_checks": false,
                "calls": calls,
                "applies": [],
                "notes": [],
                "links": [],
            });
            std::fs::write(directory.path().join(DOCUMENT), document.to_string()).expect("written");
            read(path).map(|given| given.proposed)
        };
        let sudo = named("sudo", "0x07001a04", &["0x0009"]);
        assert_eq!(of_network("sudo", &[sudo]), Ok(call("0x07001a04")));
        // Root dispatches the batch, and not the calls in its messages.
        let submit = named("submit", "0x5c00", &["0x1a04", "0x0009"]);
        assert_eq!(of_network("root-referendum", &[submit]), Ok(call("0x1a04")));
        assert!(of_network("sudo", &[]).is_err());
    }
}
