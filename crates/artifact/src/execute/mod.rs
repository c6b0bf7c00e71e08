// SPDX-License-Identifier: Apache-2.0
//! Executes functions of a runtime in an interpreter, for facts that are not in its sections.
//!
//! A node's executor would compile the whole blob first, which takes seconds, and these calls
//! execute a small part of it once. The blob is not trusted: fuel bounds the time, and a limit the
//! memory. The chain is empty. A call of a host function that the interpreter does not provide is a
//! trap, whose error names the function.

mod allocator;
mod host;
mod storage;

use host::Host;
pub(crate) use host::SignatureChecks;
use storage::Entries;
use wasmi::{
    CompilationMode, Config, Engine, ExternType, Instance, Linker, Memory, Module, Store, StoreLimitsBuilder, Table,
    Val,
};
use worker::{Failure, Result};

/// The largest number of instructions of a call: many times that of the metadata of the largest
/// runtimes, and a few seconds.
const FUEL: u64 = 3_000_000_000;
/// The largest memory of a runtime in bytes.
const MEMORY_LIMIT: usize = 256 * 1024 * 1024;
/// The largest result of a call in bytes: many times the largest metadata.
const RESULT_LIMIT: usize = 16 * 1024 * 1024;

/// A compiled module. Every call uses a new instance, so that calls do not affect each other.
pub(crate) struct Executor<'a> {
    name: &'a str,
    engine: Engine,
    module: Module,
    fuel: u64,
}

impl<'a> Executor<'a> {
    /// Loads a module. `name` is its name in messages.
    pub(crate) fn new(name: &'a str, wasm: &[u8]) -> Result<Self> {
        let mut config = Config::default();
        // Lazy compilation: a call needs few of the thousands of functions of a runtime.
        config.consume_fuel(true).ignore_custom_sections(true).compilation_mode(CompilationMode::Lazy);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm).map_err(|error| {
            Failure::input(format!("{name} is not Wasm that can be executed")).found(error.to_string())
        })?;
        Ok(Self { name, engine, module, fuel: FUEL })
    }

    /// Returns whether the module exports a function.
    pub(crate) fn exports(&self, function: &str) -> bool {
        matches!(self.module.get_export(function), Some(ExternType::Func(_)))
    }

    /// Calls a function of the runtime API with SCALE-encoded arguments and returns its result.
    pub(crate) fn call(&self, function: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        Ok(self.run(function, arguments)?.0)
    }

    /// Calls a function. Returns its result and the storage that it wrote.
    pub(crate) fn call_recording_storage(&self, function: &str, arguments: &[u8]) -> Result<(Vec<u8>, Entries)> {
        self.run(function, arguments).map(|(answer, host)| (answer, host.storage.into_entries()))
    }

    /// Calls a function. Returns its result and the messages whose signatures it verified.
    pub(crate) fn call_recording_signatures(
        &self,
        function: &str,
        arguments: &[u8],
    ) -> Result<(Vec<u8>, SignatureChecks)> {
        self.run(function, arguments).map(|(answer, host)| (answer, host.signature_checks))
    }

    fn run(&self, function: &str, arguments: &[u8]) -> Result<(Vec<u8>, Host)> {
        let name = self.name;
        let failed = |error: wasmi::Error| {
            let failure = Failure::input(format!("{function} of {name} failed"));
            match error.as_trap_code() {
                Some(wasmi::TrapCode::OutOfFuel) => failure
                    .found(format!("no end after {} instructions", self.fuel))
                    .expected("a function that returns within this limit"),
                _ => failure.found(error.to_string()),
            }
        };
        let malformed = |found: &str| {
            Failure::input(format!("{function} of {name} cannot be called"))
                .found(found)
                .expected("a function of the runtime API, from (pointer, length) to pointer and length")
        };
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY_LIMIT)
            .table_elements(1_000_000)
            .instances(1)
            .tables(16)
            .memories(2)
            .build();
        let mut store = Store::new(&self.engine, Host::new(limits));
        store.limiter(|host| &mut host.limits);
        store.set_fuel(self.fuel).map_err(failed)?;
        let instance = self.instantiate(&mut store).map_err(failed)?;
        let memory = match store.data().memory {
            Some(memory) => memory,
            None => instance.get_memory(&store, "memory").ok_or_else(|| malformed("no memory"))?,
        };
        store.data_mut().memory = Some(memory);
        // The node's allocator also starts at `__heap_base`. Without it, the heap starts at the end
        // of the memory.
        let heap_base = match instance.get_global(&store, "__heap_base").map(|global| global.get(&store)) {
            Some(Val::I32(base)) => base as u32,
            _ => u32::try_from(memory.data_size(&store)).map_err(|_| malformed("a memory without room"))?,
        };
        store.data_mut().allocator.start(heap_base);

        let entry = instance
            .get_typed_func::<(i32, i32), i64>(&store, function)
            .map_err(|error| malformed(&error.to_string()))?;
        let length = u32::try_from(arguments.len()).map_err(|_| malformed("arguments that are too long"))?;
        let pointer = host::allocate(&mut store, length.max(1)).map_err(failed)?;
        memory.write(&mut store, pointer as usize, arguments).map_err(|error| malformed(&error.to_string()))?;
        let packed = entry.call(&mut store, (pointer as i32, length as i32)).map_err(failed)? as u64;
        let (start, length) = (packed as u32 as usize, (packed >> 32) as usize);
        if length > RESULT_LIMIT {
            return Err(Failure::input(format!("{function} of {name} returns too much"))
                .found(format!("{length} bytes"))
                .expected(format!("at most {RESULT_LIMIT} bytes")));
        }
        let end = start.saturating_add(length);
        let answer = memory.data(&store).get(start..end).map(<[u8]>::to_vec).ok_or_else(|| {
            Failure::input(format!("{function} of {name} returns bytes that are not in its memory"))
                .found(format!("bytes {start} to {end}"))
                .expected(format!("an end at or before {}", memory.data_size(&store)))
        })?;
        Ok((answer, store.into_data()))
    }

    /// Links all imports of the module. A host function that is not provided becomes a trap.
    fn instantiate(&self, store: &mut Store<Host>) -> std::result::Result<Instance, wasmi::Error> {
        let mut linker = Linker::<Host>::new(&self.engine);
        // A hostile module may import one name twice, with different types.
        linker.allow_shadowing(true);
        for import in self.module.imports() {
            match import.ty() {
                ExternType::Func(ty) => {
                    let name = import.name().to_owned();
                    linker.func_new(
                        import.module(),
                        import.name(),
                        ty.clone(),
                        move |caller, arguments, results| host::call(caller, &name, arguments, results),
                    )?;
                }
                ExternType::Memory(ty) => {
                    let memory = Memory::new(&mut *store, *ty)?;
                    store.data_mut().memory = Some(memory);
                    linker.define(import.module(), import.name(), memory)?;
                }
                ExternType::Table(ty) => {
                    let table = Table::new(&mut *store, *ty, Val::default(ty.element()))?;
                    linker.define(import.module(), import.name(), table)?;
                }
                ExternType::Global(_) => {
                    let what =
                        format!("the import {}.{} is a global, which no node provides", import.module(), import.name());
                    return Err(wasmi::Error::new(what));
                }
            }
        }
        linker.instantiate_and_start(store, &self.module)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(module: &str, function: &str, arguments: &[u8]) -> Result<Vec<u8>> {
        let wasm = wat::parse_str(module).expect("a module");
        Executor::new("blob", &wasm).expect("executable").call(function, arguments)
    }

    const ECHO: &str = r#"
        (func (export "echo") (param $p i32) (param $l i32) (result i64)
            (i64.or (i64.extend_i32_u (local.get $p)) (i64.shl (i64.extend_i32_u (local.get $l)) (i64.const 32))))"#;

    #[test]
    fn arguments_are_passed_in_imported_and_in_own_memory() {
        for memory in [r#"(import "env" "memory" (memory 1))"#, r#"(memory (export "memory") 1)"#] {
            let module = format!(r#"(module {memory} {ECHO} (global (export "__heap_base") i32 (i32.const 65530)))"#);
            assert_eq!(call(&module, "echo", b"hello").expect("answered"), b"hello");
            assert_eq!(call(&module, "echo", b"").expect("answered"), b"");
        }
    }

    #[test]
    fn an_endless_loop_is_stopped() {
        let module = r#"(module (memory (export "memory") 1)
            (func (export "f") (param i32 i32) (result i64) (loop $l (br $l)) unreachable))"#;
        let wasm = wat::parse_str(module).expect("a module");
        let executor = Executor { fuel: 1_000_000, ..Executor::new("blob", &wasm).expect("executable") };
        let failure = executor.call("f", b"").expect_err("stopped");
        assert_eq!(failure.found.as_deref(), Some("no end after 1000000 instructions"));
    }

    #[test]
    fn only_a_call_of_an_unknown_host_function_is_an_error() {
        let module = r#"(module (import "env" "ext_future_version_1" (func $f)) (memory (export "memory") 1)
            (func (export "calls") (param i32 i32) (result i64) (call $f) (i64.const 0))
            (func (export "does_not") (param i32 i32) (result i64) (i64.const 0)))"#;
        assert_eq!(call(module, "does_not", b"").expect("answered"), b"");
        let failure = call(module, "calls", b"").expect_err("trapped");
        assert!(failure.found.as_ref().is_some_and(|found| found.contains("ext_future_version_1")), "{failure}");
    }

    #[test]
    fn invalid_results_and_modules_are_errors() {
        let returning = |value: &str| {
            format!(
                r#"(module (memory (export "memory") 1)
                (func (export "f") (param i32 i32) (result i64) (i64.const {value})))"#
            )
        };
        let failure = call(&returning("-1"), "f", b"").expect_err("too much");
        assert!(failure.message.contains("returns too much"), "{failure}");
        let failure = call(&returning("0x0000000100100000"), "f", b"").expect_err("outside");
        assert!(failure.message.contains("not in its memory"), "{failure}");
        for module in [
            r#"(module (memory (export "memory") 1) (func (export "f") (param i32)))"#,
            r#"(module (func (export "f") (param i32 i32) (result i64) (i64.const 0)))"#,
            r#"(module (memory (export "memory") 60000) (func (export "f") (param i32 i32) (result i64) (i64.const 0)))"#,
            r#"(module (memory (export "memory") 1) (global (export "__heap_base") i32 (i32.const -1))
                (func (export "f") (param i32 i32) (result i64) (i64.const 0)))"#,
            r#"(module (import "env" "base" (global i32)) (memory (export "memory") 1)
                (func (export "f") (param i32 i32) (result i64) (i64.const 0)))"#,
        ] {
            assert!(call(module, "f", b"x").is_err(), "{module}");
        }
    }

    #[test]
    fn an_endless_loop_of_writes_is_stopped() {
        // Each iteration appends to a list, which is copied.
        let module = r#"(module
            (import "env" "ext_storage_append_version_1" (func $append (param i64 i64)))
            (memory (export "memory") 2)
            (func (export "f") (param i32 i32) (result i64)
                (loop $l (call $append (i64.const 0x100000000) (i64.const 0x1000000000000)) (br $l)) unreachable))"#;
        let wasm = wat::parse_str(module).expect("a module");
        let failure = Executor::new("blob", &wasm).expect("executable").call("f", b"").expect_err("stopped");
        assert!(failure.found.as_ref().is_some_and(|found| found.contains("writes more than")), "{failure}");
        let little = module.replace("0x1000000000000", "0x100000000");
        let wasm = wat::parse_str(little).expect("a module");
        let executor = Executor { fuel: 1_000_000, ..Executor::new("blob", &wasm).expect("executable") };
        let failure = executor.call("f", b"").expect_err("stopped");
        assert_eq!(failure.found.as_deref(), Some("no end after 1000000 instructions"));
    }

    #[test]
    fn host_functions_return_the_results_of_an_empty_chain() {
        // A storage read returns `None`. The hash of empty input is a known one.
        let module = r#"(module
            (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
            (import "env" "ext_hashing_blake2_256_version_1" (func $hash (param i64) (result i32)))
            (memory (export "memory") 1)
            (func (export "get") (param i32 i32) (result i64) (call $get (i64.const 0)))
            (func (export "hash") (param i32 i32) (result i64)
                (i64.or (i64.extend_i32_u (call $hash (i64.const 0))) (i64.const 0x2000000000))))"#;
        assert_eq!(call(module, "get", b"").expect("answered"), [0]);
        assert_eq!(call(module, "hash", b"").expect("answered"), crate::hashes::blake2_256(b""));
        let keccak = module.replace("blake2_256", "keccak_256");
        let expected = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(hex::encode(call(&keccak, "hash", b"").expect("answered")), expected);
    }
}
