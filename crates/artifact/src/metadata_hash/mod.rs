// SPDX-License-Identifier: Apache-2.0
//! The hash of a runtime's metadata that offline wallets sign (RFC-78).
//!
//! A runtime cannot compute it: `frame-metadata-hash-extension` takes it from
//! `RUNTIME_METADATA_HASH` when the blob is compiled. A blob that was compiled without the hash
//! refuses every transaction that signs one. Nothing else in the blob shows this, so the runtime is
//! executed with a transaction that signs the hash and has an invalid signature. A runtime with the
//! hash returns `BadProof` for the signature. A runtime without it returns `CannotLookup`.

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

/// The identifier of the transaction extension.
pub const EXTENSION: &str = "CheckMetadataHash";
/// The runtime function that validates the transaction.
pub const VALIDATE: &str = "TaggedTransactionQueue_validate_transaction";

/// The byte that fills the public key and the signature. It is not 0: an all-zero key accepts some
/// signatures (RFC 8032, small order).
const FILL_BYTE: u8 = 7;
/// `Err(TransactionValidityError::Invalid(InvalidTransaction::BadProof))`.
const BAD_PROOF: [u8; 3] = [1, 0, 4];
/// `Err(TransactionValidityError::Unknown(UnknownTransaction::CannotLookup))`.
const CANNOT_LOOKUP: [u8; 3] = [1, 1, 0];

/// The status of a runtime: whether it was compiled with the hash of its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataHashStatus {
    /// The runtime does not have the extension.
    NoExtension,
    /// It has the extension and no hash: transactions that sign a hash are refused.
    Missing,
    /// It has the hash. The bytes are known if the interpreter recorded the signed messages.
    Present(Option<[u8; 32]>),
    /// The status could not be determined, with the reason.
    Unknown(String),
}

/// The effect of an upgrade on transactions that sign the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// No transaction is affected.
    None(String),
    /// They were valid, and are refused after the upgrade.
    Lost(String),
    /// They are refused, though wallets may offer them.
    Hazard(String),
    /// The effect could not be determined.
    Unknown(String),
}

impl MetadataHashStatus {
    /// Returns the effect of an upgrade from this runtime to a new one, with a description.
    pub fn effect_of(&self, new: &Self) -> Effect {
        use MetadataHashStatus::*;
        match (self, new) {
            (Present(_), Missing) => Effect::Lost(
                "the old blob has the hash of its metadata and the new one was compiled without it: every transaction that \
                 signs the hash is refused, which includes all transactions of offline wallets"
                    .into(),
            ),
            (Present(_), NoExtension) => Effect::Lost(format!(
                "the old blob has the hash of its metadata, and the new one does not have {EXTENSION}: offline wallets \
                 cannot sign for it"
            )),
            (_, Present(_)) => Effect::None("the new blob has the hash of its metadata".into()),
            (NoExtension, NoExtension) => Effect::None(format!("neither has {EXTENSION}")),
            (Missing, Missing) => Effect::None("neither blob has the hash of its metadata".into()),
            (Missing, NoExtension) => Effect::None(format!("{EXTENSION} was removed, and the old blob had no hash for it")),
            (NoExtension, Missing) => Effect::Hazard(format!(
                "{EXTENSION} is new, and the blob was compiled without the hash that it checks: offline wallets sign the \
                 hash and are refused"
            )),
            (Unknown(why), Missing | NoExtension) => {
                Effect::Unknown(format!("the new blob has no hash of its metadata; whether the old one has it is unknown: {why}"))
            }
            (_, Unknown(why)) => Effect::Unknown(format!("whether the new blob has the hash of its metadata is unknown: {why}")),
        }
    }
}

/// Determines the status of a blob, on an empty chain.
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

/// Two transactions that differ only in whether they sign the hash. Both have an invalid signature.
pub struct Probe {
    without: Vec<u8>,
    with: Vec<u8>,
}

impl Probe {
    /// Builds the transactions. Returns `None` if the runtime does not have the extension.
    ///
    /// The error says why the transactions cannot be built.
    pub fn of(metadata: &RuntimeMetadata, pallets: &Pallets) -> std::result::Result<Option<Self>, String> {
        let Some(parts) = Parts::of(metadata)? else { return Ok(None) };
        let encode_default = |id: u32, what: &str| {
            default_value(parts.types, id)
                .ok_or_else(|| format!("no value can be built for the {what} of its transactions"))
        };
        let encode_filled = |id: u32, what: &str| {
            filled_value(parts.types, id, FILL_BYTE)
                .ok_or_else(|| format!("no value can be built for the {what} of its transactions"))
        };
        let (pallet, call) = pallets.call("System", "remark").ok_or("it has no call System.remark")?;
        let remark = [pallet, call, 0];
        let (sender, signature) =
            (encode_filled(parts.address, "sender")?, encode_filled(parts.signature, "signature")?);
        let transaction = |mode: u8| -> std::result::Result<Vec<u8>, String> {
            // A signed transaction of version 4.
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

    /// Validates both transactions. `ask` calls [`VALIDATE`].
    ///
    /// The transaction without the hash comes first. If it is not refused for its signature, the
    /// status is unknown.
    pub fn run(&self, mut ask: impl FnMut(&[u8]) -> Result<Vec<u8>>) -> MetadataHashStatus {
        // `TransactionSource::External`, the transaction, the block hash.
        let arguments = |transaction: &[u8]| [&[2], transaction, &[0; 32]].concat();
        let unknown = |what: &str, answer: Result<Vec<u8>>| {
            MetadataHashStatus::Unknown(match answer {
                Ok(answer) => {
                    let answer = hex::encode_prefixed(answer.get(..16).unwrap_or(&answer));
                    format!("the runtime returns {answer} for a transaction {what} the hash")
                }
                Err(failure) => format!("a transaction {what} the hash: {}", one_line(&failure)),
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

/// Formats a failure in one line of limited length.
fn one_line(failure: &Failure) -> String {
    let found = failure.found.as_deref().unwrap_or_default();
    // The panic message of a runtime may be long.
    format!("{}: {}", failure.message, found.chars().take(300).collect::<String>())
}

/// The types that a signed transaction consists of.
struct Parts<'m> {
    types: &'m PortableRegistry,
    address: u32,
    signature: u32,
    /// The identifiers of the extensions, and the types of their data in the transaction.
    extensions: Vec<(&'m str, u32)>,
}

impl<'m> Parts<'m> {
    /// Returns the types, or `None` if the runtime does not have the extension.
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
                    true => Err("its metadata has version 14, from which no hash is computed".into()),
                    false => Ok(None),
                };
            }
            // The extension is newer than these versions.
            _ => return Ok(None),
        };
        Ok(parts.extensions.iter().any(|(identifier, _)| *identifier == EXTENSION).then_some(parts))
    }
}

/// Extracts the hash from the signed messages of both transactions: one contains `Some(hash)` where
/// the other has `None`.
fn signed_hash(without: &[u8], with: &[u8]) -> Option<[u8; 32]> {
    // The first difference is the mode of the extension, the second one the option.
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

    /// Returns a runtime that verifies the signature of the transaction, or returns `CannotLookup`
    /// if it has no hash.
    fn runtime(hash: Option<[u8; 32]>) -> Blob {
        let data = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let (without, with) = (message(0, None), message(1, hash));
        let packed = |start: usize, bytes: &[u8]| (bytes.len() as u64) << 32 | start as u64;
        // After the source: the length, the version, the sender, the signature, the nonce.
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
    fn the_status_and_the_hash_of_a_blob_are_determined() {
        let metadata = metadata(EXTENSION);
        let status_of = |hash| status("blob", &runtime(hash), &metadata).expect("determined");
        assert_eq!(status_of(Some([0xab; 32])), MetadataHashStatus::Present(Some([0xab; 32])));
        assert_eq!(status_of(None), MetadataHashStatus::Missing);
        let other = self::metadata("CheckWeight");
        assert_eq!(status("blob", &runtime(None), &other), Ok(MetadataHashStatus::NoExtension));
        let blob = Blob::parse("test runtime", test_runtime::deployed()).expect("a blob");
        assert!(
            matches!(status("blob", &blob, &metadata), Ok(MetadataHashStatus::Unknown(_))),
            "it does not export the validation function"
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
        let differences = differences(&metadata, &self::metadata("CheckWeight")).expect("compared");
        assert!(differences.iter().any(|line| line.contains("CheckWeight")), "{differences:?}");
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
    fn the_hash_is_extracted_from_the_signed_messages() {
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
    fn the_effects_of_upgrades() {
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
            let answer = answers.next().expect("no more calls than answers").clone();
            assert_eq!((arguments[0], arguments.len()), (2, 34));
            answer.map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn the_errors_of_the_transactions_give_the_status() {
        assert_eq!(run_probe(&[Ok(&BAD_PROOF), Ok(&BAD_PROOF)]), MetadataHashStatus::Present(None));
        assert_eq!(run_probe(&[Ok(&BAD_PROOF), Ok(&CANNOT_LOOKUP)]), MetadataHashStatus::Missing);
        // `CannotLookup` may also come from an unknown account, so it proves nothing for the first
        // transaction.
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
