//! The source files as modules, and what a fault looks like.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::{Attribute, Item, Meta, Token};

/// A module path below the crate root: `["db", "verbs"]`. The root itself is empty.
pub type Module = Vec<String>;

pub struct Source {
    /// Relative to `src/`, with forward slashes.
    pub path: String,
    pub module: Module,
    pub text: String,
    pub ast: syn::File,
}

impl Source {
    fn parse(path: &str, text: &str) -> Result<Self, Fault> {
        let ast = syn::parse_file(text).map_err(|error| {
            Fault::new(
                path,
                error.span().start().line,
                format!("does not parse: {error}"),
                "Make it compile.",
            )
        })?;
        Ok(Self { path: path.to_owned(), module: module_of(path), text: text.to_owned(), ast })
    }

    /// A crate of its own beside the library: it stands above every floor.
    pub fn is_binary(&self) -> bool {
        self.path == "main.rs" || self.path.starts_with("bin/")
    }

    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }
}

fn module_of(path: &str) -> Module {
    let mut parts: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || path == "lib.rs" {
        parts.pop();
    }
    parts
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub struct Fault {
    pub file: String,
    pub line: usize,
    pub what: String,
    pub remedy: String,
}

impl Fault {
    pub fn new(file: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), remedy: remedy.into() }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}\n    -> {}", self.file, self.line, self.what, self.remedy)
    }
}

/// All files of `src/`.
pub struct House {
    pub sources: Vec<Source>,
    by_module: BTreeMap<Module, usize>,
    test_only: Vec<Module>,
}

impl House {
    pub fn read(src: &Path) -> Result<Self, Fault> {
        let mut files = Vec::new();
        gather(src, src, &mut files)
            .map_err(|error| Fault::new("", 0, format!("cannot read {}: {error}", src.display()), ""))?;
        Self::of(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut sources = Vec::new();
        for (path, text) in files {
            sources.push(Source::parse(path, text)?);
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        let library = sources.iter().enumerate().filter(|(_, source)| !source.is_binary());
        let by_module = library.map(|(index, source)| (source.module.clone(), index)).collect();
        let test_only = sources.iter().flat_map(test_modules).collect();
        Ok(Self { sources, by_module, test_only })
    }

    /// The files whose imports count: the library without its test modules.
    pub fn library(&self) -> impl Iterator<Item = (usize, &Source)> {
        self.sources.iter().enumerate().filter(|(_, source)| !source.is_binary() && !self.is_test(source))
    }

    pub fn is_test(&self, source: &Source) -> bool {
        self.test_only.iter().any(|module| source.module.starts_with(module))
    }

    /// The file that holds a path: that of the longest module the path begins with.
    pub fn file_of(&self, path: &[String]) -> Option<usize> {
        (0..=path.len()).rev().find_map(|length| self.by_module.get(&path[..length])).copied()
    }

    pub fn module(&self, path: &[&str]) -> Option<&Source> {
        let module: Module = path.iter().map(|part| (*part).to_owned()).collect();
        self.by_module.get(&module).map(|index| &self.sources[*index])
    }
}

fn gather(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let name = relative.to_string_lossy().replace('\\', "/");
            files.push((name, std::fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn test_modules(source: &Source) -> Vec<Module> {
    let declared = source.ast.items.iter().filter_map(|item| match item {
        Item::Mod(module) if is_cfg_test(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    });
    declared.map(|name| [source.module.clone(), vec![name]].concat()).collect()
}

/// True for what exists in tests only: `#[cfg(test)]` or `#[cfg(all(test, …))]`, and `#[test]`.
pub fn is_cfg_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("cfg") {
            return attribute.parse_args::<Meta>().is_ok_and(|meta| wants_test(&meta));
        }
        attribute.path().segments.last().is_some_and(|last| last.ident == "test")
    })
}

fn wants_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|parts| parts.iter().any(wants_test)),
        _ => false,
    }
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
