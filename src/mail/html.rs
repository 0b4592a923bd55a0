//! A letter as HTML: inline styles, because mail programs drop style sheets, and nothing to be loaded.

use crate::base::language::Language;

/// The parts of a letter, none of them markup yet.
pub(super) struct Parts<'a> {
    pub language: Language,
    pub subject: &'a str,
    /// Paragraphs, with an empty line between them.
    pub body: &'a str,
    pub button: Option<Button<'a>>,
}

pub(super) struct Button<'a> {
    pub label: &'a str,
    pub link: &'a str,
    /// What stands before the link as text.
    pub hint: &'a str,
}

const PAGE: &str = "margin:0;padding:24px;background:#f4f5f7;color:#1d2129;\
                    font:16px/1.6 system-ui,-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei',sans-serif";
const SHEET: &str = "max-width:560px;margin:0 auto;padding:24px 32px;background:#ffffff;border-radius:8px";
const BUTTON: &str = "display:inline-block;padding:10px 20px;background:#1f5fbf;color:#ffffff;\
                      border-radius:6px;text-decoration:none";
const SMALL: &str = "font-size:13px;color:#5b6270;word-break:break-all";

pub(super) fn page(parts: &Parts<'_>) -> String {
    let paragraphs: String = parts.body.split("\n\n").map(|p| format!("<p>{}</p>\n", escape(p))).collect();
    let button = parts.button.as_ref().map_or_else(String::new, button);
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"{PAGE}\">\n<div style=\"{SHEET}\">\n{paragraphs}{button}</div>\n</body>\n</html>\n",
        parts.language,
        escape(parts.subject)
    )
}

fn button(button: &Button<'_>) -> String {
    let link = escape(button.link);
    format!(
        "<p><a href=\"{link}\" style=\"{BUTTON}\">{}</a></p>\n<p style=\"{SMALL}\">{}<br>{link}</p>\n",
        escape(button.label),
        escape(button.hint)
    )
}

/// Text as HTML shows it, between tags and in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
