// SPDX-License-Identifier: Apache-2.0
//! Manual edits of weight files. A benchmark does not measure every cost that a call has on a
//! chain, so that people add costs by hand. Edits are merged into the new file, unless the new
//! measurement includes them. Edits that cannot be merged are reported.

use crate::{
    formula::{Cost, Linear},
    parse::{
        WeightFile, comments,
        token::Source,
        written::{self, Block, Body, Line, Term},
    },
};
use protocol::weights::{EditOutcome, ManualEdit};
use std::collections::{BTreeMap, BTreeSet};
use worker::Result;

/// The comment above a term that replaces a number that was raised by hand.
const RAISED_COMMENT: &str = "// Added by hand: beyond what was measured.";

/// The weight file that will be replaced.
#[derive(Debug)]
pub struct PreviousFile {
    /// The parsed file. Its costs are the measured parts, without manual additions.
    pub file: WeightFile,
    text: String,
    /// Whether values are kept that the new measurement does not contradict.
    pub keep_values: bool,
}

impl PreviousFile {
    /// Parses a weight file. `name` is the name of the file in messages.
    pub fn parse(text: String, name: &str, keep_values: bool) -> Result<Self> {
        let mut file = WeightFile::parse(&text, name)?;
        // Values are compared with the measured part of the old weights, without manual additions.
        for (implementation, block) in file.implementations.iter_mut().zip(written::blocks(&Source::new(&text, name)?))
        {
            let lists = lists_storage(&block);
            for extrinsic in &mut implementation.extrinsics {
                let body = block.functions.iter().find(|body| body.name == extrinsic.name);
                if let Some(parts) = body.and_then(|body| WeightParts::split(body, lists, "")) {
                    extrinsic.cost = Ok(parts.measured);
                }
            }
        }
        Ok(Self { file, text, keep_values })
    }

    /// Merges the manual edits of this file into the text of a new one. Returns the merged text,
    /// and all edits with their outcome.
    pub fn apply_manual_edits(&self, text: String) -> Result<(String, Vec<ManualEdit>)> {
        let (old, new) = (Source::new(&self.text, &self.file.name)?, Source::new(&text, &self.file.name)?);
        let (previous, blocks) = (written::blocks(&old), written::blocks(&new));
        let mut merger = EditMerger { old: &old, new: &new, edits: Vec::new(), found: Vec::new() };
        merger.report_outside(&previous);
        let mut manual_edits = Vec::new();
        for block in &previous {
            let Some(target) = blocks.iter().find(|target| target.of_unit == block.of_unit) else { continue };
            let database = self.file.implementations.iter().find(|one| (one.for_type == "()") == block.of_unit);
            let usual = if block.of_unit { "RocksDbWeight" } else { "T::DbWeight" };
            let database = database.and_then(|one| one.database.as_deref()).unwrap_or(usual);
            merger.merge_block(block, target, database, self.file.header.pallet.is_some());
            // The implementation for `()` repeats the same edits with another database.
            let found = std::mem::take(&mut merger.found);
            if manual_edits.is_empty() || !block.of_unit {
                manual_edits.extend(found);
            }
        }
        let text = apply_edits(&text, merger.edits);
        // A merged file that cannot be parsed is an error of the merge.
        WeightFile::parse(&text, &self.file.name)?;
        Ok((text, manual_edits))
    }
}

fn lists_storage(block: &Block<'_>) -> bool {
    block.functions.iter().any(|body| !body.facts.storage.is_empty())
}

/// The weight of a function, split into the measured part and the manual additions.
struct WeightParts {
    measured: Cost,
    additions: Vec<Addition>,
}

/// A term that was added to a weight by hand.
struct Addition {
    text: String,
    line: usize,
    /// `None` if the cost of the term cannot be computed.
    cost: Option<Cost>,
    /// The identifiers in the term.
    names: BTreeSet<String>,
}

impl WeightParts {
    /// Splits the weight of a function. `None` if the weight is not a sum. `lists` is whether the
    /// comments of the file list the accessed storage at all.
    fn split(body: &Body<'_>, lists: bool, database: &str) -> Option<Self> {
        let terms = body.terms.as_ref()?;
        let storage = &body.facts.storage;
        let listed = |of: fn(&comments::AccessedItem) -> u64| storage.iter().map(of).fold(0, u64::saturating_add);
        let (reads, writes) = (listed(|one| one.reads), listed(|one| one.writes));
        // `Skipped::Metadata (r:0 w:0)` is a placeholder for accesses that were not counted.
        let lists = lists && storage.iter().all(|one| one.reads > 0 || one.writes > 0);
        let estimated = body.facts.estimated.as_ref();
        let most = |name: &String| body.facts.ranges.get(name).map(|(_, most)| *most);
        let greatest = |part: &Linear| {
            let mut terms = part.slopes.iter().map(|(name, slope)| Some(slope.saturating_mul(most(name)?)));
            terms.try_fold(part.base, |sum, term| Some(sum.saturating_add(term?)))
        };
        // The comments state the maximum number of accesses; slopes are rounded to it.
        let beyond = |so_far: &Linear, more: &Linear, listed: u64| {
            let mut sum = so_far.clone();
            sum.add(more);
            let rounding =
                greatest(&Linear { base: 1, slopes: sum.slopes.keys().map(|name| (name.clone(), 1)).collect() });
            let is_more = greatest(&sum).zip(rounding).is_some_and(|(all, room)| all > listed.saturating_add(room));
            !more.is_zero() && (listed == 0 || (is_more && !more.is_constant()))
        };
        // Templates write each term once, and write no term for an access that the comments do not
        // list.
        let is_unexplained = |measured: &Cost, cost: &Cost| {
            let beyond = beyond(&measured.reads, &cost.reads, reads) || beyond(&measured.writes, &cost.writes, writes);
            (lists && beyond) || (!cost.proof.is_zero() && estimated.is_some_and(Linear::is_zero))
        };
        let mut seen = BTreeSet::from([("time", String::new())]);
        let (mut measured, mut additions) = (Cost::default(), Vec::new());
        for (index, term) in terms.iter().enumerate() {
            let is_first = index == 0;
            let Some(cost) = &term.cost else {
                if is_first {
                    return None;
                }
                additions.push(Addition::of(term));
                continue;
            };
            let keys = nonzero_parts(cost);
            let is_new = keys.len() <= 1 && !keys.iter().any(|key| seen.contains(key));
            if !is_first && (!is_new || is_unexplained(&measured, cost)) {
                additions.push(Addition::of(term));
                continue;
            }
            if keys.is_empty() {
                seen.insert(("proof", String::new()));
            }
            seen.extend(keys);
            measured.add(cost);
        }
        let mut raised = |text: String, cost: Cost| {
            let text = format!("{RAISED_COMMENT}\n{text}");
            additions.push(Addition { text, line: body.line, cost: Some(cost), names: BTreeSet::new() });
        };
        // The part of a number that exceeds the comments. Accesses that depend on components are
        // not always listed at their maximum.
        let room = |listed: u64| if body.arguments.is_empty() { 0 } else { listed };
        let more = |part: &mut Linear, listed: u64, room: u64, is_listed: bool| {
            let more = part.base.saturating_sub(listed);
            (is_listed && part.is_constant() && more > room).then(|| {
                part.base -= more;
                more
            })
        };
        if let Some(more) = more(&mut measured.reads, reads, room(reads), lists) {
            let cost = Cost { reads: Linear::constant(more), ..Cost::default() };
            raised(format!(".saturating_add({database}::get().reads({more}_u64))"), cost);
        }
        if let Some(more) = more(&mut measured.writes, writes, room(writes), lists) {
            let cost = Cost { writes: Linear::constant(more), ..Cost::default() };
            raised(format!(".saturating_add({database}::get().writes({more}_u64))"), cost);
        }
        if let Some(more) =
            estimated.and_then(|estimated| more(&mut measured.proof, estimated.base, 0, estimated.is_constant()))
        {
            let cost = Cost { proof: Linear::constant(more), ..Cost::default() };
            raised(format!(".saturating_add(Weight::from_parts(0, {more}))"), cost);
        }
        Some(Self { measured, additions })
    }
}

impl Addition {
    fn of(term: &Term<'_>) -> Self {
        let mut text: String = term.before.iter().map(|line| format!("{}\n", line.text)).collect();
        text.push_str(term.text);
        if let Some(behind) = term.behind {
            text.push(' ');
            text.push_str(behind.text);
        }
        let names = term.names.iter().map(|name| (*name).to_owned()).collect();
        Self { text, line: term.line, cost: term.cost.clone(), names }
    }

    /// Returns whether the new measurement includes this addition: it consists of reads, writes and
    /// proof size, and the new values are at least the previous ones. An addition of time is never
    /// included, because the time differs with each measurement.
    fn is_measured(&self, new: &Cost, previous: &Cost, values: &BTreeMap<String, u64>) -> bool {
        let Some(cost) = &self.cost else { return false };
        let covered = |of: fn(&Cost) -> &Linear| of(cost).is_zero() || of(new).at(values) >= of(previous).at(values);
        cost.time.is_zero()
            && covered(|cost| &cost.reads)
            && covered(|cost| &cost.writes)
            && covered(|cost| &cost.proof)
    }
}

/// Returns the parts of a cost that are not zero: the dimension, and the component or an empty name
/// for the base.
fn nonzero_parts(cost: &Cost) -> Vec<(&'static str, String)> {
    let parts = [("time", &cost.time), ("proof", &cost.proof), ("reads", &cost.reads), ("writes", &cost.writes)];
    let of = |(name, part): (&'static str, &Linear)| {
        let base = (part.base != 0).then(|| (name, String::new()));
        base.into_iter().chain(part.slopes.keys().map(move |slope| (name, slope.clone()))).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(of).collect()
}

/// Returns the total cost of a function. `None` if it is not a sum of known terms.
fn total_cost(body: &Body<'_>) -> Option<Cost> {
    let mut sum = Cost::default();
    for term in body.terms.as_ref()? {
        sum.add(term.cost.as_ref()?);
    }
    Some(sum)
}

/// Merges the manual edits of an old source into a new one.
struct EditMerger<'a> {
    old: &'a Source<'a>,
    new: &'a Source<'a>,
    /// Replacements in the new source: start, end and the new text.
    edits: Vec<(usize, usize, String)>,
    /// The manual edits that were found so far.
    found: Vec<ManualEdit>,
}

impl EditMerger<'_> {
    fn report(&mut self, extrinsic: &str, line: usize, text: &str, fate: EditOutcome) {
        self.found.push(ManualEdit { extrinsic: extrinsic.into(), line, text: text.into(), fate });
    }

    fn insert(&mut self, at: usize, text: String) {
        self.edits.push((at, at, text));
    }

    fn merge_block(&mut self, block: &Block<'_>, target: &Block<'_>, database: &str, is_generated: bool) {
        let lists = lists_storage(block);
        let is_marked = block.functions.iter().any(|body| body.facts.minimum_time.is_some());
        for body in &block.functions {
            // Files of the oldest templates have no comments.
            let by_hand = if is_marked { !body.is_generated } else { !is_generated };
            let Some(new) = target.functions.iter().find(|new| new.name == body.name) else {
                if by_hand {
                    self.add_function(body, target);
                } else {
                    self.report(body.name, body.line, body.signature, EditOutcome::Gone);
                }
                continue;
            };
            let values = new.facts.ranges.iter().map(|(name, (_, most))| (name.clone(), *most)).collect();
            match WeightParts::split(body, lists, database) {
                Some(parts) if !by_hand => {
                    let template_additions =
                        WeightParts::split(new, lists_storage(target), database).map(|parts| parts.additions);
                    self.merge_terms(body, new, parts, &template_additions.unwrap_or_default(), &values);
                }
                // A custom template may write weights that are not sums.
                None if !by_hand && new.terms.is_none() => {}
                _ if by_hand && is_covered_by(body, new, &values) => {
                    self.report(body.name, body.line, body.signature, EditOutcome::Measured);
                }
                _ => {
                    let span = body.span.clone();
                    self.edits.push((new.span.start, new.span.end, self.old.text[span].to_owned()));
                    self.report(body.name, body.line, body.signature, EditOutcome::Kept);
                }
            }
        }
    }

    /// Adds a function that has no benchmark.
    fn add_function(&mut self, body: &Body<'_>, target: &Block<'_>) {
        let text = &self.old.text[line_start(self.old.text, body.span.start)..body.span.end];
        self.insert(line_start(self.new.text, target.span.end - 1), format!("{}\n", text.trim_start_matches('\n')));
        self.report(body.name, body.line, body.signature, EditOutcome::Kept);
        // A pallet's own file also contains the trait.
        let tokens = &self.new.tokens;
        let of_trait = (0..tokens.len()).find(|at| tokens[*at].is("trait")).and_then(|at| self.new.block(at));
        if let Some((_, close)) = of_trait.filter(|_| !target.of_unit) {
            let at = line_start(self.new.text, tokens[close].offset);
            self.insert(at, format!("\t{};\n", body.signature));
        }
    }

    /// Merges the additions to a function that has a benchmark. `template_additions` are those that
    /// a custom template writes itself.
    fn merge_terms(
        &mut self,
        body: &Body<'_>,
        new: &Body<'_>,
        parts: WeightParts,
        template_additions: &[Addition],
        values: &BTreeMap<String, u64>,
    ) {
        let kept = |line: &&Line<'_>| !self.new.text.contains(line.text);
        let (before, inside): (Vec<_>, Vec<_>) =
            (body.before.iter().filter(kept).collect(), body.inside.iter().filter(kept).collect());
        let unattached = body.terms.iter().flatten().filter(|term| {
            !parts.additions.iter().any(|addition| addition.line == term.line && addition.text.contains(term.text))
        });
        let unattached: Vec<_> = unattached.flat_map(|term| term.before.iter().chain(&term.behind)).collect();
        for line in before {
            self.insert(line_start(self.new.text, new.span.start), format!("\t{}\n", line.text));
            self.report(body.name, line.line, line.text, EditOutcome::Kept);
        }
        for line in inside.into_iter().chain(unattached.into_iter().filter(kept)) {
            self.insert(new.begin, format!("\n\t\t{}", line.text));
            self.report(body.name, line.line, line.text, EditOutcome::Kept);
        }
        let previous = {
            let mut sum = parts.measured;
            parts.additions.iter().filter_map(|one| one.cost.as_ref()).for_each(|cost| sum.add(cost));
            sum
        };
        let measured = total_cost(new);
        let by_template = |one: &Addition| template_additions.iter().any(|other| other.text == one.text);
        for addition in parts.additions.into_iter().filter(|one| !by_template(one)) {
            let used = body.arguments.iter().filter(|name| addition.names.contains(name.text));
            let used: Vec<_> = used
                .map(|name| {
                    new.arguments.iter().find(|new| without_underscore(new.text) == without_underscore(name.text))
                })
                .collect();
            let fate = if new.terms.is_none() || used.iter().any(Option::is_none) {
                EditOutcome::Gone
            } else if measured.as_ref().is_some_and(|new| addition.is_measured(new, &previous, values)) {
                EditOutcome::Measured
            } else {
                // An argument that the new weight does not use has an underscore.
                for name in used.into_iter().flatten().filter(|name| name.text.starts_with('_')) {
                    let edit = (name.offset, name.offset + name.text.len(), without_underscore(name.text).to_owned());
                    if !self.edits.contains(&edit) {
                        self.edits.push(edit);
                    }
                }
                let lines = addition.text.split('\n').map(|line| format!("\n\t\t\t{}", line.trim()));
                self.insert(new.end, lines.collect());
                EditOutcome::Kept
            };
            self.report(body.name, addition.line, &addition.text, fate);
        }
    }

    /// Reports lines outside of the functions that no template writes and that the new file does
    /// not contain.
    fn report_outside(&mut self, previous: &[Block<'_>]) {
        let source = self.old;
        let of_trait = (0..source.tokens.len()).filter(|at| source.tokens[*at].is("trait"));
        let of_trait = of_trait.filter_map(|at| {
            let (_, close) = source.block(at)?;
            Some(source.tokens[at].offset..source.tokens[close].offset + 1)
        });
        let inside: Vec<_> = previous.iter().map(|block| block.span.clone()).chain(of_trait).collect();
        let there: BTreeSet<_> = self.new.text.lines().map(str::trim).collect();
        let mut in_command = false;
        let mut unknown = Vec::new();
        let mut offset = 0;
        for (index, line) in source.text.split('\n').enumerate() {
            let (start, text) = (offset, line.trim());
            offset += line.len() + 1;
            let is_inside = inside.iter().any(|span| start < span.end && start + line.len() > span.start);
            if !is_inside && !there.contains(text) && !comments::is_usual(text, &mut in_command) {
                unknown.push((index + 1, text));
            }
        }
        for (line, text) in unknown {
            self.report("", line, text, EditOutcome::Gone);
        }
    }
}

/// Returns whether a function that was written by hand charges at most the cost that is measured
/// now.
fn is_covered_by(body: &Body<'_>, new: &Body<'_>, values: &BTreeMap<String, u64>) -> bool {
    let (Some(previous), Some(measured)) = (total_cost(body), total_cost(new)) else { return false };
    nonzero_parts(&previous).iter().all(|(name, _)| {
        let of = |cost: &Cost| match *name {
            "time" => cost.time.at(values),
            "proof" => cost.proof.at(values),
            "reads" => cost.reads.at(values),
            _ => cost.writes.at(values),
        };
        of(&previous) <= of(&measured)
    })
}

/// Returns an argument's name without the underscore that marks it as unused.
fn without_underscore(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

/// Returns the offset of the start of the line at `at`.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |before| before + 1)
}

/// Applies replacements to a text. Insertions at the same offset keep their order.
fn apply_edits(text: &str, mut edits: Vec<(usize, usize, String)>) -> String {
    edits.sort_by_key(|(from, ..)| *from);
    let (mut new, mut at) = (String::new(), 0);
    for (from, to, with) in edits {
        new.push_str(text.get(at..from).unwrap_or_default());
        new.push_str(&with);
        at = at.max(to);
    }
    new.push_str(&text[at..]);
    new
}
