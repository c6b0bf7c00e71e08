// SPDX-License-Identifier: Apache-2.0
//! The hash of a runtime's metadata that offline wallets sign (RFC-78).
//!
//! A runtime cannot compute it: `frame-metadata-hash-extension` takes it from `RUNTIME_METADATA_HASH` when the blob is
//! compiled. A blob that was compiled without refuses every transaction that signs one, and nothing else of it shows
//! that. So it is asked: a transaction that signs the hash, with a signature that is nobody's, is refused as unknown by
//! a runtime without the hash, and for its signature by one with it.

mod rfc78;

pub use rfc78::{compute, differences};

use crate::{
    Blob, Metadata, Pallets,
    execute::Executor,
    metadata::{RuntimeMetadata, default_value, filled_value},
};
use codec::{Compact, Encode};
use scale_info::PortableRegistry;
use worker::{Failure, Result};

pub const EXTENSION: &str = "CheckMetadataHash";
/// What the transaction is shown to.
pub const VALIDATE: &str = "TaggedTransactionQueue_validate_transaction";

/// Key and signature of the transaction. Zeros would not do: some of their signatures are good (RFC 8032, small order).
const FILL_BYTE: u8 = 7;
/// `Err(TransactionValidityError::Invalid(InvalidTransaction::BadProof))`.
const BAD_PROOF: [u8; 3] = [1, 0, 4];
/// `Err(TransactionValidityError::Unknown(UnknownTransaction::CannotLookup))`.
const CANNOT_LOOKUP: [u8; 3] = [1, 1, 0];

/// Whether a runtime was compiled with the hash of its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataHashStatus {
    /// It has no extension that would check one.
    NoExtension,
    /// It has the extension and no hash: whoever signs one is refused.
    Missing,
    /// It has one. The bytes are known where the runtime showed what is signed.
    Present(Option<[u8; 32]>),
    /// It could not be seen, and why.
    Unknown(String),
}

/// What an upgrade does to whoever signs the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nobody loses anything.
    None(String),
    /// They could transact, and cannot any more.
    Lost(String),
    /// They cannot, and somebody may think that they can.
    Hazard(String),
    /// It could not be seen.
    Unknown(String),
}

impl MetadataHashStatus {
    pub fn effect_of(&self, new: &Self) -> Effect {
        use MetadataHashStatus::*;
        match (self, new) {
            (Present(_), Missing) => Effect::Lost(
                "the old blob has the hash of its metadata and the new one was compiled without: every transaction that \
                 signs it is refused, which is every one of an offline wallet"
                    .into(),
            ),
            (Present(_), NoExtension) => Effect::Lost(format!(
                "the old blob has the hash of its metadata, and the new one no {EXTENSION} that would check one: offline \
                 wallets cannot sign for it"
            )),
            (_, Present(_)) => Effect::None("the new blob has the hash of its metadata".into()),
            (NoExtension, NoExtension) => Effect::None(format!("neither has {EXTENSION}")),
            (Missing, Missing) => Effect::None("neither blob has the hash of its metadata".into()),
            (Missing, NoExtension) => Effect::None(format!("{EXTENSION} went, and the old blob had no hash for it")),
            (NoExtension, Missing) => Effect::Hazard(format!(
                "{EXTENSION} is new, and the blob was compiled without the hash that it checks: offline wallets see it and \
                 are refused"
            )),
            (Unknown(why), Missing | NoExtension) => {
                Effect::Unknown(format!("the new blob has no hash of its metadata, and whether the old one has: {why}"))
            }
            (_, Unknown(why)) => Effect::Unknown(format!("whether the new blob has the hash of its metadata: {why}")),
        }
    }
}

/// Asks a blob, on a chain that is empty.
pub fn status(name: &str, blob: &Blob, metadata: &Metadata) -> Result<MetadataHashStatus> {
    let probe = match Probe::of(&metadata.decoded, &metadata.pallets) {
        Ok(Some(probe)) => probe,
        Ok(None) => return Ok(MetadataHashStatus::NoExtension),
        Err(why) => return Ok(MetadataHashStatus::Unknown(why)),
    };
    let executor = Executor::new(name, &blob.wasm)?;
    let mut signed = Vec::new();
    let status = probe.run(|arguments| {
        let (answer, messages) = executor.call_recording_signatures(VALIDATE, arguments)?;
        signed.push(messages.messages.into_iter().last().unwrap_or_default());
        Ok(answer)
    });
    Ok(match (status, signed.as_slice()) {
        (MetadataHashStatus::Present(_), [without, with]) => MetadataHashStatus::Present(signed_hash(without, with)),
        (status, _) => status,
    })
}

/// Two transactions that differ only in whether they sign the hash.
pub struct Probe {
    without: Vec<u8>,
    with: Vec<u8>,
}

impl Probe {
    /// Nothing where the runtime has no such extension; why not, where it cannot be asked.
    pub fn of(metadata: &RuntimeMetadata, pallets: &Pallets) -> std::result::Result<Option<Self>, String> {
        let Some(parts) = Parts::of(metadata)? else { return Ok(None) };
        let encode_default = |id: u32, what: &str| {
            default_value(parts.types, id).ok_or_else(|| format!("the {what} of its transactions cannot be made up"))
        };
        let encode_filled = |id: u32, what: &str| {
            filled_value(parts.types, id, FILL_BYTE)
                .ok_or_else(|| format!("the {what} of its transactions cannot be made up"))
        };
        let (pallet, call) = pallets.call("System", "remark").ok_or("it has no System.remark to sign")?;
        let remark = [pallet, call, 0];
        let (sender, signature) =
            (encode_filled(parts.address, "sender")?, encode_filled(parts.signature, "signature")?);
        let transaction = |mode: u8| -> std::result::Result<Vec<u8>, String> {
            // Signed, of format 4.
            let mut transaction = vec![0x84];
            transaction.extend(&sender);
            transaction.extend(&signature);
            for (identifier, ty) in &parts.extensions {
                match *identifier {
                    EXTENSION => transaction.push(mode),
                    _ => transaction.extend(encode_default(*ty, identifier)?),
                }
            }
            transaction.extend(remark);
            Ok([Compact(transaction.len() as u32).encode(), transaction].concat())
        };
        Ok(Some(Self { without: transaction(0)?, with: transaction(1)? }))
    }

    /// `ask` calls [`VALIDATE`]. The transaction that signs no hash goes first: where that is not refused for its
    /// signature alone, nothing can be told from the other.
    pub fn run(&self, mut ask: impl FnMut(&[u8]) -> Result<Vec<u8>>) -> MetadataHashStatus {
        // External source; the transaction; the block to validate on.
        let arguments = |transaction: &[u8]| [&[2], transaction, &[0; 32]].concat();
        let unknown = |what: &str, answer: Result<Vec<u8>>| {
            MetadataHashStatus::Unknown(match answer {
                Ok(answer) => {
                    let answer = hex::encode_prefixed(answer.get(..16).unwrap_or(&answer));
                    format!("a transaction {what} the hash is answered with {answer}")
                }
                Err(failure) => format!("a transaction {what} the hash: {}", told(&failure)),
            })
        };
        let without = ask(&arguments(&self.without));
        if !matches!(&without, Ok(answer) if *answer == BAD_PROOF) {
            return unknown("without", without);
        }
        match ask(&arguments(&self.with)) {
            Ok(answer) if answer == BAD_PROOF => MetadataHashStatus::Present(None),
            Ok(answer) if answer == CANNOT_LOOKUP => MetadataHashStatus::Missing,
            other => unknown("with", other),
        }
    }
}

fn told(failure: &Failure) -> String {
    let found = failure.found.as_deref().unwrap_or_default();
    // A runtime's own words may be long.
    format!("{}: {}", failure.message, found.chars().take(300).collect::<String>())
}

/// The types that a signed transaction consists of.
struct Parts<'m> {
    types: &'m PortableRegistry,
    address: u32,
    signature: u32,
    /// Identifier, and the type of what is in the transaction.
    extensions: Vec<(&'m str, u32)>,
}

impl<'m> Parts<'m> {
    /// Nothing where the extension is not among them.
    fn of(metadata: &'m RuntimeMetadata) -> std::result::Result<Option<Self>, String> {
        let parts = match metadata {
            RuntimeMetadata::V16(metadata) => {
                let extrinsic = &metadata.extrinsic;
                let extensions = rfc78::signed_extensions(extrinsic)?;
                Self {
                    types: &metadata.types,
                    address: extrinsic.address_ty.id,
                    signature: extrinsic.signature_ty.id,
                    extensions: extensions.map(|one| (one.identifier.as_str(), one.ty.id)).collect(),
                }
            }
            RuntimeMetadata::V15(metadata) => {
                let extrinsic = &metadata.extrinsic;
                let extensions = extrinsic.signed_extensions.iter();
                Self {
                    types: &metadata.types,
                    address: extrinsic.address_ty.id,
                    signature: extrinsic.signature_ty.id,
                    extensions: extensions.map(|one| (one.identifier.as_str(), one.ty.id)).collect(),
                }
            }
            RuntimeMetadata::V14(metadata) => {
                return match metadata.extrinsic.signed_extensions.iter().any(|one| one.identifier == EXTENSION) {
                    true => Err("its metadata is of version 14, from which no hash is made".into()),
                    false => Ok(None),
                };
            }
            // The extension is younger than these.
            _ => return Ok(None),
        };
        Ok(parts.extensions.iter().any(|(identifier, _)| *identifier == EXTENSION).then_some(parts))
    }
}

/// The hash in what is signed, told from what is signed without it: `Some(hash)` stands there for `None`.
fn signed_hash(without: &[u8], with: &[u8]) -> Option<[u8; 32]> {
    // The first difference is the mode itself; the second is the option.
    let mut differing = without.iter().zip(with).enumerate().filter(|(_, (left, right))| left != right);
    let (mode, _) = differing.next()?;
    let place = mode + 1 + without.get(mode + 1..)?.iter().zip(with.get(mode + 1..)?).position(|(a, b)| a != b)?;
    let (head, hash) = with.get(place..)?.split_first_chunk::<33>()?.0.split_first()?;
    let matches = (without.get(place), *head) == (Some(&0), 1) && without.get(place + 1..) == with.get(place + 33..);
    matches.then(|| hash.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    use frame_metadata::{RuntimeMetadataPrefixed, v15};
    use scale_info::{MetaType, TypeInfo};

    #[derive(TypeInfo)]
    #[allow(dead_code)]
    enum Address {
        Id([u8; 32]),
        Raw(Vec<u8>),
    }

    #[derive(TypeInfo)]
    #[allow(dead_code)]
    enum Signature {
        Ed25519([u8; 64]),
        Ecdsa([u8; 65]),
    }

    #[derive(TypeInfo)]
    #[allow(dead_code)]
    enum Mode {
        Disabled,
        Enabled,
    }

    #[derive(TypeInfo)]
    #[allow(dead_code, non_camel_case_types)]
    enum Calls {
        remark { remark: Vec<u8> },
    }

    /// With a transaction extension that checks the hash, and one before it.
    fn metadata(extension: &'static str) -> Metadata {
        let ty = MetaType::new::<()>;
        let one =
            |identifier, ty, additional_signed| v15::SignedExtensionMetadata { identifier, ty, additional_signed };
        let pallet = v15::PalletMetadata {
            name: "System",
            storage: None,
            calls: Some(v15::PalletCallMetadata { ty: MetaType::new::<Calls>() }),
            event: None,
            constants: vec![v15::PalletConstantMetadata {
                name: "SS58Prefix",
                ty: MetaType::new::<u16>(),
                value: 42u16.encode(),
                docs: vec![],
            }],
            error: None,
            index: 0,
            docs: vec![],
        };
        let extrinsic = v15::ExtrinsicMetadata {
            version: 4,
            address_ty: MetaType::new::<Address>(),
            call_ty: MetaType::new::<Calls>(),
            signature_ty: MetaType::new::<Signature>(),
            extra_ty: ty(),
            signed_extensions: vec![
                one("CheckNonce", MetaType::new::<codec::Compact<u32>>(), ty()),
                one(extension, MetaType::new::<Mode>(), MetaType::new::<Option<[u8; 32]>>()),
            ],
        };
        let outer = v15::OuterEnums { call_enum_ty: ty(), event_enum_ty: ty(), error_enum_ty: ty() };
        let custom = v15::CustomMetadata { map: Default::default() };
        let metadata = v15::RuntimeMetadataV15::new(vec![pallet], extrinsic, ty(), vec![], outer, custom);
        Metadata::from_bytes("metadata", RuntimeMetadataPrefixed::from(metadata).encode()).expect("metadata")
    }

    /// A runtime that has a signature checked of what such a transaction signs, or refuses the hash as unknown.
    fn runtime(hash: Option<[u8; 32]>) -> Blob {
        let data = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let (without, with) = (message(0, None), message(1, hash));
        let packed = |start: usize, bytes: &[u8]| (bytes.len() as u64) << 32 | start as u64;
        // Behind the source: the length, the format, the sender, the signature, the nonce.
        let mode = 1 + 2 + 1 + 33 + 65 + 1;
        let refused = if hash.is_some() { "" } else { "(return (i64.const 0x300000210))" };
        let wasm = wat::parse_str(format!(
            r#"(module
                (import "env" "ext_crypto_ed25519_verify_version_1" (func $verify (param i32 i64 i32) (result i32)))
                (memory (export "memory") 17)
                (data (i32.const 512) "{}") (data (i32.const 528) "{}")
                (data (i32.const 1024) "{}") (data (i32.const 2048) "{}")
                (func (export "{VALIDATE}") (param $p i32) (param i32) (result i64)
                    (if (i32.load8_u offset={mode} (local.get $p))
                        (then {refused} (drop (call $verify (i32.const 0) (i64.const {}) (i32.const 0))))
                        (else (drop (call $verify (i32.const 0) (i64.const {}) (i32.const 0)))))
                    (i64.const 0x300000200)))"#,
            data(&BAD_PROOF),
            data(&CANNOT_LOOKUP),
            data(&without),
            data(&with),
            packed(2048, &with),
            packed(1024, &without),
        ))
        .expect("a module");
        Blob::parse("blob", wasm).expect("a blob")
    }

    #[test]
    fn a_blob_shows_whether_it_was_compiled_with_the_hash_and_with_which() {
        let metadata = metadata(EXTENSION);
        let asked = |hash| status("blob", &runtime(hash), &metadata).expect("asked");
        assert_eq!(asked(Some([0xab; 32])), MetadataHashStatus::Present(Some([0xab; 32])));
        assert_eq!(asked(None), MetadataHashStatus::Missing);
        let other = self::metadata("CheckWeight");
        assert_eq!(status("blob", &runtime(None), &other), Ok(MetadataHashStatus::NoExtension));
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        assert!(
            matches!(status("blob", &blob, &metadata), Ok(MetadataHashStatus::Unknown(_))),
            "it validates no transactions"
        );
    }

    #[test]
    fn the_hash_of_metadata_depends_on_the_token_and_on_the_version() {
        let metadata = metadata(EXTENSION);
        let version =
            crate::version_of("test runtime", &Blob::parse("test runtime", test_runtime::deployed()).expect("a blob"))
                .expect("a version");
        let hash =
            |version: &crate::Version, token: &str| compute(&metadata, version, &token.parse().expect("a token"));
        let one = hash(&version, "CUT:12").expect("computed");
        assert_eq!(hash(&version, "CUT:12"), Ok(one));
        let next = crate::Version { spec_version: 8, ..version.clone() };
        for other in [hash(&version, "CUT:10"), hash(&version, "UNIT:12"), hash(&next, "CUT:12")] {
            assert!(other.is_ok_and(|other| other != one));
        }
        assert_eq!(differences(&metadata, &metadata), Ok(vec![]));
        let told = differences(&metadata, &self::metadata("CheckWeight")).expect("compared");
        assert!(told.iter().any(|told| told.contains("CheckWeight")), "{told:?}");
        for bad in ["", "CUT", ":12", "CUT:x", "CUT:300"] {
            assert!(bad.parse::<protocol::inspect::Token>().is_err(), "{bad:?}");
        }
        let old = Metadata::from_bytes("old", test_runtime::metadata()).expect("metadata");
        assert!(compute(&old, &version, &"CUT:12".parse().expect("a token")).is_err(), "no SS58Prefix");
    }

    const MODE: usize = 3;

    fn message(mode: u8, hash: Option<[u8; 32]>) -> Vec<u8> {
        [&[0, 7, 0][..], &[mode], &[0, 9, 9], &hash.encode(), &[5; 8]].concat()
    }

    #[test]
    fn the_hash_is_taken_from_what_is_signed() {
        for hash in [[0; 32], [1; 32], [0xab; 32]] {
            let found = signed_hash(&message(0, None), &message(1, Some(hash)));
            assert_eq!(found, Some(hash));
        }
        // Messages beyond 256 bytes are signed by their hash.
        assert_eq!(signed_hash(&[1; 32], &[2; 32]), None);
        assert_eq!(signed_hash(&[], &[]), None);
        let mut other = message(1, Some([3; 32]));
        other.push(1);
        assert_eq!(signed_hash(&message(0, None), &other), None);
        assert_eq!(message(0, None)[MODE], 0);
    }

    #[test]
    fn who_loses_the_hash_is_told_and_who_keeps_it_or_never_had_it_is_not() {
        use MetadataHashStatus::*;
        let (present, unknown) = (Present(Some([1; 32])), Unknown("it traps".into()));
        for new in [Missing, NoExtension] {
            assert!(matches!(present.effect_of(&new), Effect::Lost(_)), "{new:?}");
            assert!(matches!(unknown.effect_of(&new), Effect::Unknown(_)), "{new:?}");
        }
        for (old, new) in [
            (&present, &Present(Some([2; 32]))),
            (&Missing, &present),
            (&unknown, &present),
            (&Missing, &Missing),
            (&NoExtension, &NoExtension),
        ] {
            assert!(matches!(old.effect_of(new), Effect::None(_)), "{old:?} {new:?}");
        }
        assert!(matches!(NoExtension.effect_of(&Missing), Effect::Hazard(_)));
        assert!(matches!(present.effect_of(&unknown), Effect::Unknown(_)));
    }

    fn run_probe(answers: &[Result<&[u8]>]) -> MetadataHashStatus {
        let mut answers = answers.iter();
        let probe = Probe { without: vec![1], with: vec![2] };
        probe.run(|arguments| {
            let answer = answers.next().expect("no more questions than answers").clone();
            assert_eq!((arguments[0], arguments.len()), (2, 34));
            answer.map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn a_runtime_without_the_hash_refuses_it_as_unknown_and_one_with_it_the_signature() {
        assert_eq!(run_probe(&[Ok(&BAD_PROOF), Ok(&BAD_PROOF)]), MetadataHashStatus::Present(None));
        assert_eq!(run_probe(&[Ok(&BAD_PROOF), Ok(&CANNOT_LOOKUP)]), MetadataHashStatus::Missing);
        // An account that is not found is unknown too, whatever the mode: that says nothing.
        for answers in [
            &[Ok(&CANNOT_LOOKUP[..])][..],
            &[Err(Failure::check("it trapped"))],
            &[Ok(&BAD_PROOF), Ok(&[1, 0, 0])],
            &[Ok(&BAD_PROOF), Err(Failure::check("it trapped"))],
        ] {
            assert!(matches!(run_probe(answers), MetadataHashStatus::Unknown(_)), "{answers:?}");
        }
    }
}
