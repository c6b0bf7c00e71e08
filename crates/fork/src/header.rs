// SPDX-License-Identifier: Apache-2.0
//! The header of a block, and the consensus engines of its digest.

use artifact::metadata::{HeaderField, NumberFormat, RuntimeMetadata, own_header};
use codec::{Compact, Decode, DecodeAll, Encode};
use compat::{Interface, read};
use cumulus_primitives_core::CUMULUS_CONSENSUS_ID;
use sp_core::H256;
use sp_runtime::{
    ConsensusEngineId, DigestItem,
    traits::{BlakeTwo256, Header as _},
};
use std::sync::Arc;
use worker::Failure;

/// The digest contains the author's key, and the runtime decides whether that author is eligible.
pub(crate) const NIMBUS: ConsensusEngineId = *b"nmbs";

/// A header with blake2-256 hashes and a block number of 32 bits.
pub type Header = sp_runtime::generic::Header<u32, BlakeTwo256>;

/// How a runtime encodes block headers. By default they are encoded as [`Header`].
///
/// The fork itself has only the usual headers, and their hashes are the hashes of its blocks. A
/// runtime with headers of its own receives and returns those. It does not hash them: it compares
/// the parent hash of a block with the one that it was given for the block before.
#[derive(Clone, Debug, Default)]
pub struct HeaderFormat(Option<OwnHeader>);

/// The fields of a chain's own header, and the metadata with their types.
#[derive(Clone, Debug)]
struct OwnHeader {
    fields: Vec<HeaderField>,
    metadata: Arc<RuntimeMetadata>,
}

impl HeaderFormat {
    /// Reads the format from the metadata of a runtime. Fails with the reason if it is not known.
    pub(crate) fn of(metadata: &Arc<RuntimeMetadata>) -> Result<Self, String> {
        let own = own_header(metadata)?.map(|fields| OwnHeader { fields, metadata: metadata.clone() });
        Ok(Self(own))
    }

    /// Returns whether it is not that of [`Header`].
    pub(crate) fn is_own(&self) -> bool {
        self.0.is_some()
    }

    /// Encodes a header. Fields that only this chain has are empty.
    pub(crate) fn encode(&self, header: &Header) -> Vec<u8> {
        match &self.0 {
            Some(own) => own.encode(header),
            None => header.encode(),
        }
    }

    /// Decodes exactly one header, without the fields that only this chain has. Fails with the reason.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Header, String> {
        match &self.0 {
            Some(own) => own.decode(bytes),
            None => Header::decode_all(&mut &bytes[..]).map_err(|error| error.to_string()),
        }
    }
}

impl OwnHeader {
    fn encode(&self, header: &Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in &self.fields {
            match field {
                HeaderField::ParentHash => header.parent_hash.encode_to(&mut bytes),
                HeaderField::Number(NumberFormat::Compact) => Compact(header.number).encode_to(&mut bytes),
                HeaderField::Number(NumberFormat::Four) => header.number.encode_to(&mut bytes),
                HeaderField::Number(NumberFormat::Eight) => u64::from(header.number).encode_to(&mut bytes),
                HeaderField::StateRoot => header.state_root.encode_to(&mut bytes),
                HeaderField::ExtrinsicsRoot => header.extrinsics_root.encode_to(&mut bytes),
                HeaderField::Digest => header.digest.encode_to(&mut bytes),
                HeaderField::Own { empty, .. } => bytes.extend_from_slice(empty),
            }
        }
        bytes
    }

    fn decode(&self, bytes: &[u8]) -> Result<Header, String> {
        let types = Interface::of(&self.metadata).ok_or("the metadata has no types")?.types;
        let mut header = Header::new(0, H256::zero(), H256::zero(), H256::zero(), Default::default());
        let mut left = bytes;
        for field in &self.fields {
            match field {
                HeaderField::ParentHash => header.parent_hash = next(&mut left)?,
                HeaderField::Number(format) => header.number = number(*format, &mut left)?,
                HeaderField::StateRoot => header.state_root = next(&mut left)?,
                HeaderField::ExtrinsicsRoot => header.extrinsics_root = next(&mut left)?,
                HeaderField::Digest => header.digest = next(&mut left)?,
                HeaderField::Own { ty, .. } => left = read::skip(types, *ty, left)?,
            }
        }
        match left.len() {
            0 => Ok(header),
            left => Err(format!("{left} of {} bytes are left over", bytes.len())),
        }
    }
}

fn next<T: Decode>(bytes: &mut &[u8]) -> Result<T, String> {
    T::decode(bytes).map_err(|error| error.to_string())
}

fn number(format: NumberFormat, bytes: &mut &[u8]) -> Result<u32, String> {
    let number = match format {
        NumberFormat::Compact => next::<Compact<u64>>(bytes)?.0,
        NumberFormat::Four => next::<u32>(bytes)?.into(),
        NumberFormat::Eight => next(bytes)?,
    };
    u32::try_from(number).map_err(|_| format!("the block number {number}"))
}

/// Returns the engines of the pre-runtime digest items that the author added. The items of
/// collators about the relay chain belong to no engine.
pub(crate) fn engines(header: &Header) -> Vec<ConsensusEngineId> {
    let items = header.digest.logs.iter().filter_map(DigestItem::as_pre_runtime);
    items.map(|(engine, _)| engine).filter(|engine| *engine != CUMULUS_CONSENSUS_ID).collect()
}

/// Returns the failure for a state that is not the one of its header.
pub(crate) fn root_mismatch(found: &[u8; 32], claimed: &[u8; 32]) -> Failure {
    Failure::input("the state root is not the one in the header")
        .found(format!("state root {}", hex::encode_prefixed(found)))
        .expected(hex::encode_prefixed(claimed))
        .hint("the state is incomplete or altered: download it again")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use frame_metadata::v15::{
        CustomMetadata, ExtrinsicMetadata, OuterEnums, RuntimeApiMetadata, RuntimeApiMethodMetadata,
        RuntimeApiMethodParamMetadata, RuntimeMetadataV15,
    };
    use scale_info::{MetaType, TypeInfo, meta_type};
    use sp_runtime::Digest;

    #[derive(Encode, TypeInfo)]
    struct OwnFormat {
        parent_hash: H256,
        number: u32,
        state_root: H256,
        extrinsics_root: H256,
        tree_root: H256,
        digest: Digest,
        extension: Vec<Extension>,
    }

    #[derive(Encode, TypeInfo)]
    enum Extension {
        None,
        Lookup { size: u32, index: Vec<(u32, u64)> },
    }

    /// Returns the metadata of a runtime with headers of its own.
    pub(crate) fn with_own_headers() -> Arc<RuntimeMetadata> {
        metadata(meta_type::<OwnFormat>())
    }

    fn format(header: MetaType) -> HeaderFormat {
        HeaderFormat::of(&metadata(header)).expect("read")
    }

    /// Returns the metadata of a runtime whose headers have this type.
    fn metadata(header: MetaType) -> Arc<RuntimeMetadata> {
        let unit = meta_type::<()>();
        let extrinsic = ExtrinsicMetadata {
            version: 4,
            address_ty: unit,
            call_ty: unit,
            signature_ty: unit,
            extra_ty: unit,
            signed_extensions: Vec::new(),
        };
        let input = RuntimeApiMethodParamMetadata { name: "header", ty: header };
        let method =
            RuntimeApiMethodMetadata { name: "initialize_block", inputs: vec![input], output: unit, docs: Vec::new() };
        let core = RuntimeApiMetadata { name: "Core", methods: vec![method], docs: Vec::new() };
        let outer = OuterEnums { call_enum_ty: unit, event_enum_ty: unit, error_enum_ty: unit };
        let custom = CustomMetadata { map: Default::default() };
        let metadata = RuntimeMetadataV15::new(Vec::new(), extrinsic, unit, vec![core], outer, custom);
        Arc::new(RuntimeMetadata::V15(metadata))
    }

    fn header() -> Header {
        let [a, b, c] = [1, 2, 3].map(H256::repeat_byte);
        let logs = vec![DigestItem::PreRuntime(*b"pow_", vec![4; 32])];
        Header::new(70_000, a, b, c, Digest { logs })
    }

    /// Returns the header as a runtime with headers of its own would.
    fn finished() -> OwnFormat {
        let Header { parent_hash, number, state_root, extrinsics_root, digest } = header();
        let lookup = Extension::Lookup { size: 7, index: vec![(1, 2), (3, 4)] };
        let extension = vec![Extension::None, lookup];
        let tree_root = H256::repeat_byte(9);
        OwnFormat { parent_hash, number, state_root, extrinsics_root, tree_root, digest, extension }
    }

    #[test]
    fn the_usual_header_has_no_format_of_its_own() {
        let format = format(meta_type::<Header>());
        assert!(!format.is_own());
        assert_eq!(format.encode(&header()), header().encode());
        assert_eq!(format.decode(&header().encode()), Ok(header()));
        assert!(format.decode(&[header().encode(), vec![0]].concat()).is_err());
    }

    #[test]
    fn own_fields_begin_empty_and_are_skipped() {
        let format = format(meta_type::<OwnFormat>());
        assert!(format.is_own());
        let empty = OwnFormat { tree_root: H256::zero(), extension: Vec::new(), ..finished() };
        assert_eq!(format.encode(&header()), empty.encode());
        assert_eq!(format.decode(&finished().encode()), Ok(header()));
    }

    #[test]
    fn only_exactly_one_own_header_is_decoded() {
        let format = format(meta_type::<OwnFormat>());
        let bytes = finished().encode();
        for length in 0..bytes.len() {
            assert!(format.decode(&bytes[..length]).is_err(), "{length}");
        }
        assert!(format.decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn numbers_of_every_width_are_decoded_up_to_the_largest() {
        let read = |format, bytes: Vec<u8>| number(format, &mut &bytes[..]);
        assert_eq!(read(NumberFormat::Compact, Compact(70_000u32).encode()), Ok(70_000));
        assert_eq!(read(NumberFormat::Four, u32::MAX.encode()), Ok(u32::MAX));
        assert_eq!(read(NumberFormat::Eight, 9u64.encode()), Ok(9));
        for format in [NumberFormat::Compact, NumberFormat::Eight] {
            let above = 1u64 << 32;
            let bytes = if format == NumberFormat::Eight { above.encode() } else { Compact(above).encode() };
            assert!(read(format, bytes).is_err_and(|why| why.contains("4294967296")));
        }
    }
}
