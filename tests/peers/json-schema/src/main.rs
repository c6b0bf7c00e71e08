// SPDX-License-Identifier: Apache-2.0
//! Validates JSON documents against JSON schemas.
//!
//! Prints each error on a line, with the JSON pointer of the value. The exit code is 0 if all
//! documents are valid, 1 if one is not, 2 if the command line is invalid or a file cannot be used.

use boon::{Compiler, Schemas, UrlLoader, ValidationError};
use serde_json::Value;
use std::{
    error::Error,
    fs::File,
    io::{Read, Write},
    path::Path,
    process::ExitCode,
};

const USAGE: &str = "\
Usage: cutover-peer-json-schema [--closed] (SCHEMA DOCUMENT)...

Validates each document against the schema before it. A document - is standard input.

  --closed  also refuse fields that a schema does not name. Without it they are accepted, because
            a newer version of Cutover may add fields to a format";

/// The maximum size of a file, in bytes.
const FILE_LIMIT: u64 = 64 << 20;
/// The maximum number of errors that are printed of a document.
const ERROR_LIMIT: usize = 50;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let closed = arguments.first().is_some_and(|first| first == "--closed");
    arguments.drain(..usize::from(closed));
    let (pairs, rest) = arguments.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err(USAGE.into());
    }
    let mut out = std::io::stdout().lock();
    let mut valid = true;
    for [schema, document] in pairs {
        let errors = validate(schema, document, closed)?;
        for error in errors.iter().take(ERROR_LIMIT) {
            writeln!(out, "{document}: {error}")?;
        }
        if errors.len() > ERROR_LIMIT {
            writeln!(out, "{document}: and {} more errors", errors.len() - ERROR_LIMIT)?;
        }
        valid &= errors.is_empty();
    }
    Ok(valid)
}

/// Returns the errors of a document, in the order of the document's schema.
fn validate(schema: &str, document: &str, closed: bool) -> Result<Vec<String>> {
    let mut schema_value = read(schema)?;
    if closed {
        close(&mut schema_value);
    }
    let document = read(document)?;
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.use_loader(Box::new(NoLoader));
    let unusable = |error: boon::CompileError| format!("{schema} is no usable schema: {error}");
    compiler.add_resource(schema, schema_value).map_err(unusable)?;
    let index = compiler.compile(schema, &mut schemas).map_err(unusable)?;
    let mut errors = Vec::new();
    if let Err(error) = schemas.validate(&document, index) {
        collect(&error, &mut errors);
    }
    errors.dedup();
    Ok(errors)
}

/// Collects the innermost errors: what is wrong, without the schemas on the way to it.
fn collect(error: &ValidationError<'_, '_>, errors: &mut Vec<String>) {
    match error.causes.as_slice() {
        [] => {
            errors.push(format!("at '{}': {}", error.instance_location, error.kind));
        }
        causes => causes.iter().for_each(|cause| collect(cause, errors)),
    }
}

fn read(path: &str) -> Result<Value> {
    let source: Box<dyn Read> = match path {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(File::open(Path::new(path)).map_err(|error| format!("{path}: {error}"))?),
    };
    let mut bytes = Vec::new();
    source.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| format!("{path}: {error}"))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(format!("{path} has more than {FILE_LIMIT} bytes").into());
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("{path} is no JSON document: {error}").into())
}

/// Makes a schema refuse all fields that it does not name, at every depth.
fn close(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for (keyword, value) in fields.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "$defs", Value::Object(schemas)) => {
                schemas.values_mut().for_each(close);
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(close);
            }
            ("items" | "additionalProperties", schema) => close(schema),
            _ => {}
        }
    }
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".into(), Value::Bool(false));
    }
}

/// Loads nothing: a published schema refers to itself alone.
struct NoLoader;

impl UrlLoader for NoLoader {
    fn load(&self, url: &str) -> Result<Value> {
        Err(format!("{url} is not loaded").into())
    }
}
