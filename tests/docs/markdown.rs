//! As much Markdown as the documents use: headings, fenced blocks, code spans, links.

use std::path::{Path, PathBuf};

pub struct Page {
    /// Relative to the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block, or a code span, and the heading it stands under.
pub struct Code {
    pub heading: String,
    /// Of a block: what stands behind the fence. Empty for spans.
    pub language: String,
    pub text: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the repository: `*.md`, but nothing in hidden folders and what git ignores.
pub fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    collect(root(), &mut found);
    assert!(found.len() >= 7, "the pages are not where they are looked for");
    found
}

fn collect(folder: &Path, found: &mut Vec<Page>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !["target", "data", "drill-reports"].contains(&name.as_str()) {
                collect(&path, found);
            }
        } else if name.ends_with(".md") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(Page { path: path.strip_prefix(root()).unwrap().to_owned(), text });
        }
    }
}

impl Page {
    pub fn read(path: &str) -> Self {
        Self { path: path.into(), text: std::fs::read_to_string(root().join(path)).unwrap() }
    }

    /// Lines outside fenced blocks, each with the heading above it.
    fn prose(&self) -> Vec<(String, &str)> {
        let (mut heading, mut fenced, mut lines) = (String::new(), false, Vec::new());
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced {
                if let Some(title) = line.strip_prefix('#') {
                    heading = title.trim_start_matches('#').trim().to_owned();
                }
                lines.push((heading.clone(), line));
            }
        }
        lines
    }

    pub fn blocks(&self) -> Vec<Code> {
        let (mut heading, mut open, mut blocks) = (String::new(), None, Vec::new());
        for line in self.text.lines() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(language), None) => {
                    let (heading, language) = (heading.clone(), language.to_owned());
                    open = Some(Code { heading, language, text: String::new() });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => block.text += &format!("{line}\n"),
                (None, None) => {
                    if let Some(title) = line.strip_prefix('#') {
                        heading = title.trim_start_matches('#').trim().to_owned();
                    }
                }
            }
        }
        blocks
    }

    /// What stands between backticks; a span never runs over a line here.
    pub fn spans(&self) -> Vec<Code> {
        let spans = |(heading, line): (String, &str)| {
            let texts: Vec<_> = line.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            let code = move |text| Code { heading: heading.clone(), language: String::new(), text };
            texts.into_iter().map(code)
        };
        self.prose().into_iter().flat_map(spans).collect()
    }

    /// The targets of links and pictures.
    pub fn links(&self) -> Vec<String> {
        let targets = |line: &str| -> Vec<String> {
            line.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
        };
        self.prose().into_iter().flat_map(|(_, line)| targets(line)).collect()
    }

    /// What links to headings are made of, as GitHub makes it.
    pub fn anchors(&self) -> Vec<String> {
        let slug = |line: &str| -> String {
            let kept = line.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
        };
        let headings = self.prose().into_iter().filter(|(_, line)| line.starts_with('#'));
        headings.map(|(heading, _)| slug(&heading)).collect()
    }
}

/// The commands of a shell block, one a line, without comments.
pub fn commands(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ").replace("|\n", "| ");
    let bare = joined.lines().map(|line| line.split(" # ").next().unwrap_or_default());
    let words = bare.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    words.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}
