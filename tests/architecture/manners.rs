//! Names and habits: no drawers for odds and ends, no glob re-exports, no `#[allow]`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, UseTree, Visibility};

use crate::source::{Fault, House, Source};

const DRAWERS: [&str; 9] =
    ["utils", "util", "helpers", "helper", "common", "misc", "types", "shared_types", "stuff"];

pub fn check(house: &House) -> Vec<Fault> {
    house.sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Fault> {
    let mut inspection = Inspection { file: &source.path, faults: Vec::new() };
    if let Some(name) = source.module.last() {
        inspection.name(name, 1);
    }
    inspection.visit_file(&source.ast);
    if let Ok(tokens) = source.text.parse() {
        inspection.find_allow(tokens);
    }
    inspection.faults
}

struct Inspection<'a> {
    file: &'a str,
    faults: Vec<Fault>,
}

impl Inspection<'_> {
    fn name(&mut self, name: &str, line: usize) {
        if DRAWERS.contains(&name) {
            let remedy = "Name it after its one subject, or put each thing beside the code that uses it.";
            self.faults.push(Fault::new(self.file, line, format!("a module named `{name}`"), remedy));
        }
    }

    /// `#[allow(…)]` in tokens, so that the bodies of macros are seen too.
    fn find_allow(&mut self, tokens: TokenStream) {
        let mut after_hash = false;
        for token in tokens {
            if let TokenTree::Group(group) = &token {
                if after_hash && group.delimiter() == Delimiter::Bracket && allows(group.stream()) {
                    let line = group.span_open().start().line;
                    let remedy = "Mend the cause, or use `#[expect(…, reason = \"…\")]`, which ends when its cause does.";
                    self.faults.push(Fault::new(self.file, line, "an `#[allow(…)]`", remedy));
                }
                self.find_allow(group.stream());
            }
            after_hash = match &token {
                TokenTree::Punct(mark) => mark.as_char() == '#' || (after_hash && mark.as_char() == '!'),
                _ => false,
            };
        }
    }
}

/// The inside of `#[allow(…)]`, also where `cfg_attr` hides it.
fn allows(attribute: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    let named = |name: &str| matches!(tokens.first(), Some(TokenTree::Ident(ident)) if ident == name);
    let Some(TokenTree::Group(arguments)) = tokens.get(1) else { return false };
    if named("cfg_attr") {
        let inner: Vec<TokenTree> = arguments.stream().into_iter().collect();
        return inner
            .windows(2)
            .any(|pair| matches!(pair, [TokenTree::Ident(ident), TokenTree::Group(_)] if ident == "allow"));
    }
    named("allow")
}

impl<'ast> Visit<'ast> for Inspection<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if module.content.is_some() {
            self.name(&module.ident.to_string(), module.ident.span().start().line);
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if !matches!(import.vis, Visibility::Inherited) && has_glob(&import.tree) {
            let line = import.use_token.span.start().line;
            let remedy = "Name what is shown, so that a reader can find where it comes from.";
            self.faults.push(Fault::new(self.file, line, "a glob re-export", remedy));
        }
    }
}

fn has_glob(tree: &UseTree) -> bool {
    match tree {
        UseTree::Path(path) => has_glob(&path.tree),
        UseTree::Group(group) => group.items.iter().any(has_glob),
        UseTree::Glob(_) => true,
        UseTree::Name(_) | UseTree::Rename(_) => false,
    }
}
