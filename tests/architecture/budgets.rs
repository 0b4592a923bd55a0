//! How long files and functions may be. A budget may be broken for a good reason, so it is printed;
//! the limit far above it may not, so it fails.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, Item, ItemFn, Signature};

use crate::source::{Fault, House, Source, attributes, is_cfg_test};

const FILE: usize = 300;
const FILE_LIMIT: usize = 400;
const FUNCTION: usize = 50;
const FUNCTION_LIMIT: usize = 80;
const HANDLER: usize = 10;
const FEATURE_FILES: usize = 6;

struct Function {
    place: String,
    line: usize,
    name: String,
    lines: usize,
    body: usize,
    is_handler: bool,
}

pub fn check(house: &House) -> Vec<Fault> {
    let files = house.sources.iter().filter(|source| source.lines() > FILE_LIMIT).map(|source| {
        let what = format!("{} lines, more than {FILE_LIMIT}", source.lines());
        Fault::new(&source.path, 1, what, format!("Split it by subject; the budget is {FILE} lines."))
    });
    let functions = functions(house).into_iter().filter(|function| function.lines > FUNCTION_LIMIT);
    let functions = functions.map(|function| {
        let what = format!("`{}` has {} lines, more than {FUNCTION_LIMIT}", function.name, function.lines);
        Fault::new(&function.place, function.line, what, format!("Split it; the budget is {FUNCTION} lines."))
    });
    files.chain(functions).collect()
}

/// The figures of the house, and each place that is over a budget.
pub fn report(house: &House) -> String {
    let mut lengths: Vec<usize> = house.sources.iter().map(Source::lines).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    let functions = functions(house);
    let mut over = Vec::new();
    for source in house.sources.iter().filter(|source| source.lines() > FILE) {
        over.push(format!("src/{}: {} lines (file: {FILE})", source.path, source.lines()));
    }
    for function in &functions {
        let at = format!("src/{}:{}: `{}`", function.place, function.line, function.name);
        if function.lines > FUNCTION {
            over.push(format!("{at}: {} lines (function: {FUNCTION})", function.lines));
        }
        if function.is_handler && function.body > HANDLER {
            over.push(format!("{at}: {} lines of body (handler: {HANDLER})", function.body));
        }
    }
    for (feature, files) in feature_files(house).into_iter().filter(|(_, files)| *files > FEATURE_FILES) {
        over.push(format!("src/features/{feature}/: {files} files (feature: {FEATURE_FILES})"));
    }
    let mut report = format!(
        "\nbudgets: {} files, median {median} lines, {} functions, {} over budget\n",
        house.sources.len(),
        functions.len(),
        over.len()
    );
    over.iter().for_each(|line| report += &format!("  {line}\n"));
    report
}

fn feature_files(house: &House) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for source in &house.sources {
        if let Some(feature) = source.path.strip_prefix("features/").and_then(|rest| rest.split_once('/')) {
            *counts.entry(feature.0).or_default() += 1;
        }
    }
    counts
}

fn functions(house: &House) -> Vec<Function> {
    let mut ruler = Ruler::default();
    for source in house.sources.iter().filter(|source| !house.is_test(source)) {
        ruler.file.clone_from(&source.path);
        ruler.visit_file(&source.ast);
    }
    ruler.functions
}

#[derive(Default)]
struct Ruler {
    file: String,
    functions: Vec<Function>,
}

impl Ruler {
    fn measure(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        let first = signature.fn_token.span.start().line;
        let open = block.brace_token.span.open().start().line;
        let close = block.brace_token.span.close().end().line;
        self.functions.push(Function {
            place: self.file.clone(),
            line: first,
            name: signature.ident.to_string(),
            lines: close - first + 1,
            body: (close - open).saturating_sub(1),
            is_handler: attributes.iter().any(is_route),
        });
    }
}

/// `#[utoipa::path(…)]`: the function below it is a handler.
fn is_route(attribute: &Attribute) -> bool {
    let path = attribute.path();
    path.segments.len() == 2 && path.segments[0].ident == "utoipa" && path.segments[1].ident == "path"
}

impl<'ast> Visit<'ast> for Ruler {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_cfg_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_cfg_test(&function.attrs) {
            self.measure(&function.attrs, &function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.attrs, &function.sig, block);
            visit::visit_trait_item_fn(self, function);
        }
    }
}
