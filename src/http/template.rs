//! Pages whose texts are put in when somebody reads them.

/// The template with what `part` makes of each name, where it says `{{name}}`.
pub fn fill(template: &str, part: impl Fn(&str) -> String) -> String {
    let mut parts = template.split("{{");
    let mut page = parts.next().unwrap_or_default().to_owned();
    for place in parts {
        let (name, rest) = place.split_once("}}").unwrap_or((place, ""));
        page.push_str(&part(name));
        page.push_str(rest);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_and_what_is_between_them_stays() {
        let twice = |name: &str| format!("{name}{name}");
        assert_eq!(fill("<p>{{a}}</p>{{b}}", twice), "<p>aa</p>bb");
        assert_eq!(fill("nothing to fill", twice), "nothing to fill");
    }
}
