// SPDX-License-Identifier: Apache-2.0
//! The parts of a module for a comparison: sections, functions with their shapes, source paths in
//! the data.

use crate::{Blob, sections::Sections};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};
use wasmparser::{ExternalKind, KnownCustom, Name, Parser, Payload, TypeRef};
use worker::{Failure, Result};

/// The largest number of source paths. Real runtimes have some hundred.
const TEXT_LIMIT: usize = 20_000;
/// The largest number of functions. The largest runtimes have about ten thousand.
const FUNCTION_LIMIT: usize = 1_000_000;

/// The parts of a Wasm module.
#[derive(Default)]
pub struct Parts {
    /// The names and ranges of the sections, in the order of the module. Custom sections are named
    /// `custom NAME`.
    pub sections: Vec<(String, Range<usize>)>,
    /// The functions, in the order of the module.
    pub functions: Vec<Function>,
    /// The number of imported functions, which come first in the index space.
    pub imported_functions: u32,
    /// The ranges of the data segments.
    pub data: Vec<Range<usize>>,
    /// The imports, as `MODULE.NAME`.
    pub imports: BTreeSet<String>,
    /// The names of the exports.
    pub exports: BTreeSet<String>,
    /// Whether the module has a section with the names of its functions.
    pub has_names: bool,
    /// The paths of source files in panic messages.
    pub paths: BTreeSet<String>,
    /// The facts in the sections.
    pub facts: Sections,
}

/// A function of a module.
pub struct Function {
    /// The name, if the module contains it or exports the function.
    pub name: Option<String>,
    /// The range of the body.
    pub body: Range<usize>,
    /// A hash of the kinds of its instructions, without indices and addresses, which change with
    /// earlier code.
    pub shape: u64,
}

impl Parts {
    /// Reads the parts of a blob. `name` is the blob's name in messages.
    pub fn read(name: &str, blob: &Blob) -> Result<Self> {
        let broken = |error: wasmparser::BinaryReaderError| {
            Failure::input(format!("{name} is not a whole Wasm module")).found(error.message().to_owned())
        };
        let mut parts = Self { facts: Sections::read(name, blob)?, ..Self::default() };
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        for payload in Parser::new(0).parse_all(&blob.wasm) {
            let payload = payload.map_err(broken)?;
            if let Payload::CodeSectionEntry(body) = &payload {
                if parts.functions.len() == FUNCTION_LIMIT {
                    return Err(Failure::input(format!("{name} has too many functions"))
                        .found(format!("more than {FUNCTION_LIMIT}")));
                }
                let mut shape = DefaultHasher::new();
                for operator in body.get_operators_reader().map_err(broken)? {
                    std::mem::discriminant(&operator.map_err(broken)?).hash(&mut shape);
                }
                parts.functions.push(Function {
                    name: None,
                    body: to_usize_range(body.range()),
                    shape: shape.finish(),
                });
                continue;
            }
            if let Some((_, range)) = payload.as_section() {
                parts.sections.push((section_name(&payload), to_usize_range(range)));
            }
            match payload {
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        let import = import.map_err(broken)?;
                        if matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
                            parts.imported_functions += 1;
                        }
                        parts.imports.insert(format!("{}.{}", import.module, import.name));
                    }
                }
                Payload::ExportSection(reader) => {
                    for export in reader {
                        let export = export.map_err(broken)?;
                        parts.exports.insert(export.name.to_owned());
                        if export.kind == ExternalKind::Func {
                            names.insert(export.index, export.name.to_owned());
                        }
                    }
                }
                Payload::DataSection(reader) => {
                    for segment in reader {
                        let segment = segment.map_err(broken)?;
                        let end = to_usize_range(segment.range.clone()).end;
                        parts.data.push(end - segment.data.len()..end);
                        source_paths(segment.data, &mut parts.paths);
                    }
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(reader) = section.as_known() {
                        parts.has_names = true;
                        for subsection in reader.into_iter().map_while(|subsection| subsection.ok()) {
                            if let Name::Function(map) = subsection {
                                let all = map.into_iter().map_while(|naming| naming.ok());
                                names.extend(all.map(|naming| (naming.index, naming.name.to_owned())));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        for (index, function) in parts.functions.iter_mut().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(parts.imported_functions);
            function.name = names.remove(&index);
        }
        Ok(parts)
    }

    /// Describes the location of an offset: the section, and the function or segment in it.
    pub fn location(&self, offset: usize) -> String {
        let section = self.sections.iter().find(|(_, range)| range.contains(&offset));
        let section = section.map_or("between sections", |(name, _)| name.as_str());
        if let Some(index) = self.functions.iter().position(|function| function.body.contains(&offset)) {
            return format!("{section}, {}", self.label(index));
        }
        match self.data.iter().position(|range| range.contains(&offset)) {
            Some(index) => format!("{section}, segment {index}"),
            None => section.to_owned(),
        }
    }

    /// Returns the index of a function in the module, and its name if it has one.
    pub fn label(&self, position: usize) -> String {
        let index = position + self.imported_functions as usize;
        match self.functions.get(position).and_then(|function| function.name.as_ref()) {
            Some(name) => format!("function {index} {name}"),
            None => format!("function {index}"),
        }
    }
}

/// Converts a range of offsets.
fn to_usize_range(range: Range<u64>) -> Range<usize> {
    let limited = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    limited(range.start)..limited(range.end)
}

/// Returns the name of a section.
fn section_name(payload: &Payload<'_>) -> String {
    match payload {
        Payload::TypeSection(_) => "types",
        Payload::ImportSection(_) => "imports",
        Payload::FunctionSection(_) => "functions",
        Payload::TableSection(_) => "tables",
        Payload::MemorySection(_) => "memories",
        Payload::GlobalSection(_) => "globals",
        Payload::ExportSection(_) => "exports",
        Payload::StartSection { .. } => "start",
        Payload::ElementSection(_) => "elements",
        Payload::DataCountSection { .. } => "data count",
        Payload::DataSection(_) => "data",
        Payload::CodeSectionStart { .. } => "code",
        Payload::CustomSection(section) => return format!("custom {}", section.name()),
        _ => "other",
    }
    .to_owned()
}

/// Collects the source paths in `data`: texts with a slash that end in `.rs`. There are no
/// separators between texts.
fn source_paths(data: &[u8], found: &mut BTreeSet<String>) {
    const LONGEST: usize = 400;
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.+@".contains(&byte);
    let mut floor = 0;
    for end in (3..=data.len()).filter(|end| &data[end - 3..*end] == b".rs") {
        let lowest = floor.max(end.saturating_sub(LONGEST));
        let start = (lowest..end).rev().find(|index| !is_part(data[*index])).map_or(lowest, |index| index + 1);
        floor = end;
        if let Ok(path) = std::str::from_utf8(&data[start..end])
            && path.contains('/')
            && found.len() < TEXT_LIMIT
        {
            // Before an absolute path is another text.
            let known = ["/build/", "/home/", "/rustc/", "/usr/", "/root/", "/Users/", "/tmp/"];
            let begin = known.iter().filter_map(|prefix| path.find(prefix)).min().unwrap_or(0);
            found.insert(path[begin..].to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_without_separators_are_found() {
        let mut found = BTreeSet::new();
        source_paths(b"\x01/home/builder/cargo/registry/src/i/a-1.0.0/src/lib.rs/rustc/abc/library/core/src/fmt/mod.rs too small/build/x.rs no.rs", &mut found);
        let found: Vec<_> = found.into_iter().collect();
        assert_eq!(
            found,
            [
                "/build/x.rs",
                "/home/builder/cargo/registry/src/i/a-1.0.0/src/lib.rs",
                "/rustc/abc/library/core/src/fmt/mod.rs"
            ]
        );
    }
}
