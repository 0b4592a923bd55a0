//! Who uses whom: every path that leads to a module of ours, from `use` lines, from qualified
//! paths in code, and from the tokens of macros and attributes.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree, Visibility};

use crate::source::{House, Module, Source, attributes, is_cfg_test};

/// A place in one file that names something in another.
pub struct Reference {
    /// Index into `House::sources`.
    pub from: usize,
    pub line: usize,
    /// The path as resolved, below the crate root.
    pub path: Module,
    /// Index into `House::sources`.
    pub to: usize,
}

pub fn all(house: &House) -> Vec<Reference> {
    let macros = exported_macros(house);
    let mut references = Vec::new();
    for (from, source) in house.library() {
        for (line, path) in paths_in(source, &macros) {
            let macro_home = path.first().and_then(|name| macros.get(name)).copied();
            let to = match house.file_of(&path) {
                Some(file) if !house.sources[file].module.is_empty() => Some(file),
                root => macro_home.or(root),
            };
            if let Some(to) = to.filter(|to| *to != from && !house.is_test(&house.sources[*to])) {
                references.push(Reference { from, line, path, to });
            }
        }
    }
    references
}

/// `#[macro_export]` puts a macro at the crate root; it belongs to the file that defines it.
fn exported_macros(house: &House) -> BTreeMap<String, usize> {
    let mut macros = BTreeMap::new();
    for (index, source) in house.library() {
        for item in &source.ast.items {
            if let Item::Macro(definition) = item
                && let Some(name) = &definition.ident
                && definition.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"))
            {
                macros.insert(name.to_string(), index);
            }
        }
    }
    macros
}

fn paths_in(source: &Source, macros: &BTreeMap<String, usize>) -> Vec<(usize, Module)> {
    let children = vec![children_of(&source.ast.items)];
    let mut walk = Walk { module: source.module.clone(), children, macros, found: Vec::new() };
    walk.visit_file(&source.ast);
    walk.found
}

fn children_of(items: &[Item]) -> BTreeSet<String> {
    let modules = items.iter().filter_map(|item| match item {
        Item::Mod(module) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.collect()
}

struct Walk<'a> {
    /// Where we are: the module of the file and the inline modules entered.
    module: Module,
    /// The child modules that each of those declares, innermost last.
    children: Vec<BTreeSet<String>>,
    macros: &'a BTreeMap<String, usize>,
    found: Vec<(usize, Module)>,
}

impl Walk<'_> {
    fn note(&mut self, line: usize, segments: &[String]) {
        if let Some(path) = self.resolve(segments) {
            self.found.push((line, path));
        }
    }

    fn resolve(&self, segments: &[String]) -> Option<Module> {
        let (first, rest) = segments.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module, rest].concat()),
            "super" => {
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                let kept = self.module.len().checked_sub(ups)?;
                Some([&self.module[..kept], &segments[ups..]].concat())
            }
            name if self.children.last()?.contains(name) => Some([&self.module[..], segments].concat()),
            _ => None,
        }
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &[String]) {
        match tree {
            UseTree::Path(path) => {
                let longer = [prefix, &[path.ident.to_string()]].concat();
                self.use_tree(&path.tree, &longer);
            }
            UseTree::Name(leaf) => self.leaf(&leaf.ident, prefix),
            UseTree::Rename(leaf) => self.leaf(&leaf.ident, prefix),
            UseTree::Glob(glob) => self.note(glob.star_token.spans[0].start().line, prefix),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(item, prefix)),
        }
    }

    fn leaf(&mut self, ident: &proc_macro2::Ident, prefix: &[String]) {
        let own = if ident == "self" { vec![] } else { vec![ident.to_string()] };
        self.note(ident.span().start().line, &[prefix, &own].concat());
    }

    /// Paths in the tokens of a macro, where there is no syntax tree to ask.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let mut path = vec![ident.to_string()];
                    at += 1;
                    while let Some(next) = segment_after(&tokens, at) {
                        path.push(next);
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.note(line, &path);
                    }
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }
}

/// The identifier behind a `::` at this place.
fn segment_after(tokens: &[TokenTree], at: usize) -> Option<String> {
    let colon = |place: usize| matches!(tokens.get(place), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    match tokens.get(at + 2) {
        Some(TokenTree::Ident(ident)) if colon(at) && colon(at + 1) => Some(ident.to_string()),
        _ => None,
    }
}

/// Paths that an attribute gives as text: `#[serde(with = "crate::db::time")]`.
fn quoted_paths(tokens: TokenStream) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() != Delimiter::None => {
                found.extend(quoted_paths(group.stream()));
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let path = text.trim_matches('"');
                if path.starts_with("crate::") || path.starts_with("super::") || path.starts_with("self::") {
                    let segments = path.split("::").map(|part| part.trim().to_owned()).collect();
                    found.push((literal.span().start().line, segments));
                }
            }
            _ => {}
        }
    }
    found
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_cfg_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if !is_cfg_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let Some((_, items)) = &module.content else { return };
        self.module.push(module.ident.to_string());
        self.children.push(children_of(items));
        visit::visit_item_mod(self, module);
        self.children.pop();
        self.module.pop();
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if import.leading_colon.is_none() {
            self.use_tree(&import.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_none() && segments.len() > 1 {
            self.note(path.segments[0].ident.span().start().line, &segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        if let Some(name) =
            invocation.path.get_ident().filter(|name| self.macros.contains_key(&name.to_string()))
        {
            self.found.push((name.span().start().line, vec![name.to_string()]));
        }
        self.visit_path(&invocation.path);
        self.tokens(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
            for (line, path) in quoted_paths(list.tokens.clone()) {
                self.note(line, &path);
            }
        }
    }

    // `pub(crate)` and `pub(in …)` name a module without using it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
