// SPDX-License-Identifier: Apache-2.0
//! The facts in the sections of a Wasm module, read without executing it.

use crate::{Blob, Version, version::decode_apis};
use protocol::inspect::{Api, Import, Producer};
use wasmparser::{ExternalKind, KnownCustom, Parser, Payload, TypeRef};
use worker::{Failure, Result};

/// The largest number of imports and of exports. Real runtimes have some hundred of each.
const ENTRY_LIMIT: usize = 10_000;

/// The facts in the sections of a runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    /// The version in the sections `runtime_version` and `runtime_apis`. Blobs from before 2021
    /// have neither.
    pub version: Option<Version>,
    /// The imports, in the order of the module.
    pub imports: Vec<Import>,
    /// The names of the exported functions.
    pub exports: Vec<String>,
    /// The entries of the section `producers`.
    pub producers: Vec<Producer>,
    /// The entries of the section `target_features`, with their signs.
    pub features: Vec<String>,
}

impl Sections {
    /// Reads the sections of a blob. `name` is the blob's name in messages.
    pub fn read(name: &str, blob: &Blob) -> Result<Self> {
        let broken = |error: wasmparser::BinaryReaderError| {
            Failure::input(format!("{name} is not a whole Wasm module"))
                .found(error.message().to_owned())
                .expected("a module that can be read to its end")
                .hint("the file is damaged or cut short: copy or download it again")
        };
        let mut sections = Self::default();
        let mut version: Option<Version> = None;
        let mut apis: Option<Vec<Api>> = None;
        for payload in Parser::new(0).parse_all(&blob.wasm) {
            match payload.map_err(broken)? {
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        let import = import.map_err(broken)?;
                        bounded(name, "imports", sections.imports.len())?;
                        sections.imports.push(Import {
                            module: import.module.to_owned(),
                            name: import.name.to_owned(),
                            kind: kind(&import.ty).to_owned(),
                        });
                    }
                }
                Payload::ExportSection(reader) => {
                    for export in reader {
                        let export = export.map_err(broken)?;
                        if export.kind == ExternalKind::Func {
                            bounded(name, "exports", sections.exports.len())?;
                            sections.exports.push(export.name.to_owned());
                        }
                    }
                }
                Payload::CustomSection(section) => match section.name() {
                    // Nodes read the first of several sections with the same name.
                    "runtime_version" if version.is_none() => version = Some(Version::decode(name, section.data())?),
                    "runtime_apis" if apis.is_none() => apis = Some(decode_apis(name, section.data())?),
                    "target_features" => sections.features = target_features(section.data()),
                    "producers" => {
                        if let KnownCustom::Producers(reader) = section.as_known() {
                            sections.producers = producers(reader);
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        if let (Some(version), Some(apis)) = (&mut version, apis) {
            // The list of APIs in the section `runtime_version` is empty.
            version.apis = apis;
        }
        sections.version = version;
        Ok(sections)
    }

    /// Returns the imported functions, which a node must provide.
    pub fn host_functions(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter().filter(|import| import.kind == "function")
    }
}

/// Fails if there are too many entries.
fn bounded(name: &str, what: &str, count: usize) -> Result<()> {
    if count < ENTRY_LIMIT {
        return Ok(());
    }
    Err(Failure::input(format!("{name} has too many {what}"))
        .found(format!("more than {ENTRY_LIMIT}"))
        .expected("some hundred, as runtimes have"))
}

fn kind(ty: &TypeRef) -> &'static str {
    match ty {
        TypeRef::Func(_) | TypeRef::FuncExact(_) => "function",
        TypeRef::Memory(_) => "memory",
        TypeRef::Table(_) => "table",
        TypeRef::Global(_) => "global",
        TypeRef::Tag(_) => "tag",
    }
}

/// Reads the section `producers`. It is informative only, so invalid entries are ignored.
fn producers(reader: wasmparser::ProducersSectionReader<'_>) -> Vec<Producer> {
    let mut producers = Vec::new();
    for field in reader.into_iter().map_while(|field| field.ok()) {
        for value in field.values.into_iter().map_while(|value| value.ok()) {
            if producers.len() == 100 {
                return producers;
            }
            producers.push(Producer {
                field: field.name.to_owned(),
                name: value.name.to_owned(),
                version: value.version.to_owned(),
            });
        }
    }
    producers
}

/// Reads the section `target_features`: a number, then for each feature a sign (`+` used, `-` not)
/// and a name. It is informative only, so invalid entries are ignored.
fn target_features(bytes: &[u8]) -> Vec<String> {
    let mut reader = wasmparser::BinaryReader::new(bytes, 0);
    let mut features = Vec::new();
    let count = reader.read_var_u32().unwrap_or(0).min(100);
    for _ in 0..count {
        let (Ok(sign), Ok(name)) = (reader.read_u8(), reader.read_string()) else { break };
        features.push(format!("{}{name}", char::from(sign)));
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::blake2_64;
    use test_runtime::custom;

    fn version() -> Version {
        Version {
            spec_name: "standalone".into(),
            impl_name: "standalone".into(),
            authoring_version: 1,
            spec_version: 2,
            impl_version: 0,
            apis: vec![],
            transaction_version: Some(1),
            state_version: Some(1),
        }
    }

    #[test]
    fn the_facts_are_read_without_executing_the_module() {
        let mut wasm = wat::parse_str(
            r#"(module
                (import "env" "ext_logging_log_version_1" (func (param i32 i64 i64)))
                (import "env" "memory" (memory 20))
                (func (export "Core_version") (param i32 i32) (result i64) unreachable)
                (global (export "__heap_base") i32 (i32.const 1024)))"#,
        )
        .expect("a module");
        custom(&mut wasm, "runtime_version", &version().to_bytes());
        let mut apis = blake2_64(b"Core").to_vec();
        apis.extend(5u32.to_le_bytes());
        custom(&mut wasm, "runtime_apis", &apis);
        custom(&mut wasm, "target_features", b"\x01+\x08sign-ext");
        custom(&mut wasm, "producers", b"\x01\x08language\x01\x04Rust\x041.95");
        let sections = Sections::read("blob", &Blob::parse("blob", wasm).expect("a blob")).expect("read");
        let expected = Version { apis: vec![crate::version::api(blake2_64(b"Core"), 5)], ..version() };
        assert_eq!(sections.version, Some(expected));
        assert_eq!(
            sections.host_functions().map(|import| import.name.as_str()).collect::<Vec<_>>(),
            ["ext_logging_log_version_1"]
        );
        assert_eq!(sections.imports[1].kind, "memory");
        assert_eq!(sections.exports, ["Core_version"]);
        assert_eq!(sections.features, ["+sign-ext"]);
        assert_eq!(sections.producers[0].version, "1.95");
    }

    #[test]
    fn the_first_of_two_version_sections_is_read() {
        let mut wasm = wat::parse_str("(module)").expect("a module");
        custom(&mut wasm, "runtime_version", &version().to_bytes());
        custom(&mut wasm, "runtime_version", &Version { spec_version: 999, ..version() }.to_bytes());
        let sections = Sections::read("blob", &Blob::parse("blob", wasm).expect("a blob")).expect("read");
        assert_eq!(sections.version, Some(version()));
    }

    #[test]
    fn a_name_with_control_characters_is_refused() {
        for spec_name in ["evil\nverdict PASSED", "evil\u{202e}", "\u{1b}[2K"] {
            let mut wasm = wat::parse_str("(module)").expect("a module");
            custom(&mut wasm, "runtime_version", &Version { spec_name: spec_name.into(), ..version() }.to_bytes());
            assert!(Sections::read("blob", &Blob::parse("blob", wasm).expect("a blob")).is_err(), "{spec_name:?}");
        }
    }

    #[test]
    fn the_error_names_a_truncated_module() {
        let wasm = wat::parse_str(r#"(module (func (export "f") nop nop nop))"#).expect("a module");
        let mut refused = 0;
        for length in 9..wasm.len() {
            let blob = Blob::parse("blob", wasm[..length].to_vec()).expect("still looks like Wasm");
            if let Err(failure) = Sections::read("blob", &blob) {
                assert_eq!(failure.message, "blob is not a whole Wasm module");
                refused += 1;
            }
        }
        assert!(refused > wasm.len() / 2, "{refused} of {}", wasm.len());
    }

    #[test]
    fn a_broken_version_section_is_an_error_and_not_a_missing_version() {
        let mut wasm = wat::parse_str("(module)").expect("a module");
        custom(&mut wasm, "runtime_version", &version().to_bytes()[..20]);
        let blob = Blob::parse("blob", wasm).expect("a blob");
        let failure = Sections::read("blob", &blob).expect_err("refused");
        assert!(failure.message.contains("version in blob"), "{failure}");
    }
}
