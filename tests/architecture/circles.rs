//! Circles inside a folder: files and folders that use each other round and round. Between floors
//! and between features there can be none, since there imports only point down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::references::Reference;
use crate::source::{Fault, House, Module};

/// For each pair of neighbours in one folder, a reference that leads from the first to the second.
type Edges<'a> = BTreeMap<(String, String), &'a Reference>;

pub fn check(house: &House, references: &[Reference]) -> Vec<Fault> {
    let folders: BTreeSet<Module> = house
        .library()
        .flat_map(|(_, source)| (1..=source.module.len()).map(|length| source.module[..length].to_vec()))
        .filter(|folder| folder != &["features".to_owned()])
        .collect();
    folders.iter().flat_map(|folder| circles_in(house, references, folder)).collect()
}

fn circles_in(house: &House, references: &[Reference], folder: &[String]) -> Vec<Fault> {
    let mut edges = Edges::new();
    for reference in references {
        let from = neighbour(&house.sources[reference.from].module, folder);
        let to = neighbour(&house.sources[reference.to].module, folder);
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            edges.entry((from, to)).or_insert(reference);
        }
    }
    let nodes: BTreeSet<&String> = edges.keys().map(|(from, _)| from).collect();
    let mut told = BTreeSet::new();
    let mut faults = Vec::new();
    for node in nodes {
        let Some(circle) = way_back(&edges, node) else { continue };
        if told.contains(node) {
            continue;
        }
        told.extend(circle.iter().cloned());
        faults.push(describe(house, &edges, folder, &circle));
    }
    faults
}

/// What a module is called among the things that lie in a folder: a file or a folder beside it,
/// or the folder's own `mod.rs`.
fn neighbour(module: &[String], folder: &[String]) -> Option<String> {
    let rest = module.strip_prefix(folder)?;
    Some(rest.first().cloned().unwrap_or_else(|| "mod.rs".to_owned()))
}

/// The shortest way from a node back to itself, beginning and ending with it.
fn way_back(edges: &Edges<'_>, start: &str) -> Option<Vec<String>> {
    let mut queue = VecDeque::from([vec![start.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        let here = way.last()?;
        for (_, next) in edges.keys().filter(|(from, _)| from == here) {
            let longer = [&way[..], std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                queue.push_back(longer);
            }
        }
    }
    None
}

fn describe(house: &House, edges: &Edges<'_>, folder: &[String], circle: &[String]) -> Fault {
    let steps: Vec<&Reference> = circle
        .windows(2)
        .filter_map(|pair| edges.get(&(pair[0].clone(), pair[1].clone())).copied())
        .collect();
    let mut what = format!("a circle in src/{}: {}", folder.join("/"), circle.join(" -> "));
    for step in &steps {
        let file = &house.sources[step.from].path;
        what += &format!("\n       src/{file}:{} uses crate::{}", step.line, step.path.join("::"));
    }
    let remedy = "Move what both need into a file of its own that neither imports back; inside a folder, import from \
                  the file that defines a thing, not from the folder's mod.rs.";
    let (file, line) =
        steps.first().map_or(("", 0), |step| (house.sources[step.from].path.as_str(), step.line));
    Fault::new(file, line, what, remedy)
}
