// SPDX-License-Identifier: Apache-2.0
//! Runtimes with faults that keys of the state switch on.
//!
//! Exported functions of a real blob are wrapped. Each wrapper checks keys of the state, performs
//! the fault (writes, reads, loops, traps, returns another value), and calls the real function.
//! Many tests can use one blob, so it is compiled once.

use std::convert::Infallible;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, InstructionSink, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{ExternalKind, Operator, Parser, Payload, TypeRef};

/// A condition of a step.
pub enum Condition {
    /// The state has this key.
    Has(Vec<u8>),
    /// The state does not have this key.
    Lacks(Vec<u8>),
}

/// The action of a step.
pub enum Action {
    /// Writes a value under a key.
    Set(Vec<u8>, Vec<u8>),
    /// Removes a key.
    Clear(Vec<u8>),
    /// Reads a value, so that it is part of the proof.
    Read(Vec<u8>),
    /// Runs a loop for this number of iterations.
    Burn(i64),
    /// Executes an instruction of the proposal "bulk memory", which nodes do not enable.
    Copy,
    /// Ends the call with a trap.
    Trap,
    /// Returns these bytes from the exported function.
    Answer(Vec<u8>),
}

/// An action that runs if all conditions hold.
pub struct Step {
    /// The conditions, all of which must hold.
    pub when: Vec<Condition>,
    /// The action.
    pub act: Action,
}

/// The steps of each wrapped function, by the name of its export.
#[derive(Default)]
pub struct Faults(Vec<(String, Vec<Step>)>);

impl Faults {
    /// Returns faults without steps, which change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step that runs before the exported function, and after the steps added before.
    pub fn step(mut self, export: &str, when: Vec<Condition>, act: Action) -> Self {
        let step = Step { when, act };
        match self.0.iter_mut().find(|(name, _)| name == export) {
            Some((_, steps)) => steps.push(step),
            None => self.0.push((export.to_owned(), vec![step])),
        }
        self
    }

    /// Adds a step that runs before each block, whether the block is built or imported.
    pub fn before_blocks(self, when: impl Fn() -> Vec<Condition>, act: impl Fn() -> Action) -> Self {
        let exports = ["Core_initialize_block", "Core_execute_block"];
        exports.into_iter().fold(self, |faults, export| faults.step(export, when(), act()))
    }

    /// Makes the function return these bytes without running.
    pub fn answer(self, export: &str, bytes: Vec<u8>) -> Self {
        self.step(export, Vec::new(), Action::Answer(bytes))
    }

    /// Returns the module with the wrapped functions.
    pub fn apply(self, wasm: &[u8]) -> Vec<u8> {
        let facts = Facts::of(wasm);
        let mut wrapping = Wrapping { base: facts.heap_base, bodies: Vec::new(), data: Vec::new(), globals: 0, facts };
        for (export, steps) in self.0 {
            let (index, _) = wrapping.function(&export);
            let body = wrapping.body(index, &steps);
            wrapping.bodies.push((export, body));
        }
        let mut module = wasm_encoder::Module::new();
        utils::parse_core_module(&mut wrapping, &mut module, Parser::new(0), wasm).expect("a module like before");
        module.finish()
    }
}

/// The facts of a module that are needed to write it again.
#[derive(Default)]
struct Facts {
    imported: Vec<String>,
    /// The type of each function that is not imported.
    types: Vec<u32>,
    exports: Vec<(String, u32)>,
    heap_base_global: u32,
    heap_base: u32,
}

impl Facts {
    fn of(wasm: &[u8]) -> Self {
        let mut facts = Self::default();
        let mut globals = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("Wasm") {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import.expect("an import");
                        if matches!(import.ty, TypeRef::Func(_)) {
                            facts.imported.push(import.name.to_owned());
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    facts.types = functions.into_iter().map(|function| function.expect("a function")).collect();
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        let mut operators = global.expect("a global").init_expr.get_operators_reader();
                        globals.push(match operators.read().expect("a value") {
                            Operator::I32Const { value } => value as u32,
                            _ => 0,
                        });
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.expect("an export");
                        match (export.name, export.kind) {
                            ("__heap_base", ExternalKind::Global) => facts.heap_base_global = export.index,
                            (name, ExternalKind::Func) => facts.exports.push((name.to_owned(), export.index)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        facts.heap_base = globals[facts.heap_base_global as usize];
        facts
    }
}

struct Wrapping {
    facts: Facts,
    /// The start of the original heap. The data of the faults is written there, and the heap starts
    /// after it.
    base: u32,
    bodies: Vec<(String, Function)>,
    data: Vec<u8>,
    globals: u32,
}

impl Wrapping {
    /// Returns the index of an exported function and that of its type.
    fn function(&self, export: &str) -> (u32, u32) {
        let found = self.facts.exports.iter().find(|(name, _)| name == export);
        let (_, index) = found.unwrap_or_else(|| panic!("no export {export}"));
        (*index, self.facts.types[*index as usize - self.facts.imported.len()])
    }

    fn import(&self, name: &str) -> u32 {
        let place = self.facts.imported.iter().position(|import| import == name);
        place.unwrap_or_else(|| panic!("no import {name}")) as u32
    }

    /// Adds bytes to the data. Returns their address and length, in the encoding of host functions.
    fn place(&mut self, bytes: &[u8]) -> i64 {
        let at = self.base as usize + self.data.len();
        self.data.extend_from_slice(bytes);
        (at as i64) | ((bytes.len() as i64) << 32)
    }

    fn body(&mut self, original: u32, steps: &[Step]) -> Function {
        // The local after the two parameters is the loop counter.
        let mut function = Function::new([(1, ValType::I64)]);
        for step in steps {
            self.step(&mut function.instructions(), step);
        }
        function.instructions().local_get(0).local_get(1).call(original).end();
        function
    }

    fn step(&mut self, code: &mut InstructionSink<'_>, step: &Step) {
        let exists = self.import("ext_storage_exists_version_1");
        code.block(BlockType::Empty);
        for when in &step.when {
            match when {
                Condition::Has(key) => code.i64_const(self.place(key)).call(exists).i32_eqz().br_if(0),
                Condition::Lacks(key) => code.i64_const(self.place(key)).call(exists).br_if(0),
            };
        }
        match &step.act {
            Action::Set(key, value) => {
                let (key, value) = (self.place(key), self.place(value));
                code.i64_const(key).i64_const(value).call(self.import("ext_storage_set_version_1"));
            }
            Action::Clear(key) => {
                code.i64_const(self.place(key)).call(self.import("ext_storage_clear_version_1"));
            }
            Action::Read(key) => {
                let (key, into) = (self.place(key), self.place(&[0; 8]));
                let read = self.import("ext_storage_read_version_1");
                code.i64_const(key).i64_const(into).i32_const(0).call(read).drop();
            }
            Action::Burn(turns) => {
                code.i64_const(*turns).local_set(2).loop_(BlockType::Empty);
                code.local_get(2).i64_const(1).i64_sub().local_tee(2).i64_eqz().i32_eqz().br_if(0).end();
            }
            Action::Copy => {
                code.i32_const(0).i32_const(0).i32_const(0).memory_copy(0, 0);
            }
            Action::Trap => {
                code.unreachable();
            }
            Action::Answer(bytes) => {
                code.i64_const(self.place(bytes)).return_();
            }
        }
        code.end();
    }

    fn end(&self) -> u32 {
        (self.base + self.data.len() as u32).next_multiple_of(16)
    }

    fn first_new(&self) -> u32 {
        (self.facts.imported.len() + self.facts.types.len()) as u32
    }
}

impl Reencode for Wrapping {
    type Error = Infallible;

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        for (export, _) in &self.bodies {
            functions.function(self.function(export).1);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        for (_, body) in &self.bodies {
            code.function(body);
        }
        Ok(())
    }

    fn parse_data_section(
        &mut self,
        data: &mut DataSection,
        section: wasmparser::DataSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_data_section(self, data, section)?;
        data.active(0, &ConstExpr::i32_const(self.base as i32), self.data.iter().copied());
        Ok(())
    }

    fn data_count(&mut self, count: u32) -> Result<u32, Error> {
        Ok(count + 1)
    }

    fn memory_type(&mut self, memory: wasmparser::MemoryType) -> Result<wasm_encoder::MemoryType, Error> {
        let mut memory = utils::memory_type(self, memory);
        memory.minimum = memory.minimum.max(u64::from(self.end()).div_ceil(65_536));
        Ok(memory)
    }

    fn parse_global(&mut self, globals: &mut GlobalSection, global: wasmparser::Global<'_>) -> Result<(), Error> {
        let index = self.globals;
        self.globals += 1;
        if index == self.facts.heap_base_global {
            globals.global(utils::global_type(self, global.ty)?, &ConstExpr::i32_const(self.end() as i32));
            return Ok(());
        }
        utils::parse_global(self, globals, global)
    }

    fn parse_export(&mut self, exports: &mut ExportSection, export: wasmparser::Export<'_>) -> Result<(), Error> {
        let wrapped = self.bodies.iter().position(|(name, _)| name == export.name);
        match wrapped.filter(|_| export.kind == ExternalKind::Func) {
            Some(place) => {
                exports.export(export.name, ExportKind::Func, self.first_new() + place as u32);
                Ok(())
            }
            None => utils::parse_export(self, exports, export),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_module_is_valid_and_its_heap_starts_after_the_new_data() {
        let wasm = module();
        let large = vec![1; 100_000];
        let patched = Faults::new().answer("Core_version", large).apply(&wasm);
        let facts = Facts::of(&patched);
        assert_eq!(facts.heap_base, 1024 + 100_000);
        assert_eq!(facts.types.len(), 2);
        assert_eq!(facts.exports, [("Core_version".to_string(), 2)]);
    }

    /// Returns a minimal runtime that can be wrapped.
    fn module() -> Vec<u8> {
        use wasm_encoder::{EntityType, GlobalType, ImportSection, MemoryType, Module, TypeSection};
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([ValType::I64], [ValType::I32]);
        types.ty().function([ValType::I32, ValType::I32], [ValType::I64]);
        module.section(&types);
        let mut imports = ImportSection::new();
        let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
        imports.import("env", "memory", EntityType::Memory(memory));
        imports.import("env", "ext_storage_exists_version_1", EntityType::Function(0));
        module.section(&imports);
        let mut functions = FunctionSection::new();
        functions.function(1);
        module.section(&functions);
        let mut globals = GlobalSection::new();
        let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        globals.global(ty, &ConstExpr::i32_const(1024));
        module.section(&globals);
        let mut exports = ExportSection::new();
        exports.export("__heap_base", ExportKind::Global, 0);
        exports.export("Core_version", ExportKind::Func, 1);
        module.section(&exports);
        let mut code = CodeSection::new();
        let mut function = Function::new([]);
        function.instructions().i64_const(7).end();
        code.function(&function);
        module.section(&code);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), [0u8]);
        module.section(&data);
        module.finish()
    }
}
