//! Names as people have them in several scripts, put together by a seeded stream.

use crate::base::random::Random;
use crate::features::users::transfer::row::Row;
use crate::features::users::transfer::source::{Source, Taken};

/// Given names, family names, and whether the family name comes first, without a space.
struct Script {
    given: &'static [&'static str],
    family: &'static [&'static str],
    family_first: bool,
    locale: Option<&'static str>,
}

const SCRIPTS: [Script; 7] = [
    Script {
        given: &["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Dennis", "Radia", "Ken"],
        family: &[
            "Lovelace", "Hopper", "Turing", "Liskov", "Knuth", "Allen", "O'Neal", "Perlman", "Smith", "Lee",
        ],
        family_first: false,
        locale: Some("en"),
    },
    Script {
        given: &["Zoë", "Émile", "José", "Łukasz", "Søren", "İsmail", "Gülşen", "Željko", "Bjørk", "Nguyễn"],
        family: &[
            "Müller",
            "García",
            "Dvořák",
            "Ångström",
            "Großmann",
            "Çelik",
            "Nuñez",
            "Erdős",
            "Þórsson",
            "Škoda",
        ],
        family_first: false,
        locale: None,
    },
    Script {
        given: &["小明", "伟", "芳", "秀英", "娜", "建国", "晓东", "雪", "子轩", "欣怡"],
        family: &["王", "李", "张", "刘", "陈", "欧阳", "司马", "黄", "赵", "周"],
        family_first: true,
        locale: Some("zh"),
    },
    Script {
        given: &["Лев", "Анна", "Фёдор", "Ольга", "Иван", "Мария", "Юрий", "Дарья", "Пётр", "Светлана"],
        family: &[
            "Толстой",
            "Ахматова",
            "Достоевский",
            "Иванова",
            "Чехов",
            "Цветаева",
            "Гагарин",
            "Шевченко",
            "Попов",
            "Щукина",
        ],
        family_first: false,
        locale: None,
    },
    Script {
        given: &[
            "Οδυσσέας",
            "Ελένη",
            "Γιώργος",
            "Μαρία",
            "Νίκος",
            "Σοφία",
            "Κώστας",
            "Ειρήνη",
            "Πέτρος",
            "Άννα",
        ],
        family: &[
            "Παπαδόπουλος",
            "Ελύτης",
            "Καβάφης",
            "Σεφέρης",
            "Θεοδωράκης",
            "Μερκούρη",
            "Ξενάκης",
            "Καζαντζάκης",
            "Βασιλείου",
            "Ωνάσης",
        ],
        family_first: false,
        locale: None,
    },
    Script {
        given: &["محمد", "فاطمة", "علي", "عائشة", "يوسف", "مريم", "عمر", "ليلى", "حسن", "نور"],
        family: &[
            "الخوارزمي",
            "درويش",
            "محفوظ",
            "القاسم",
            "حداد",
            "منصور",
            "الفارابي",
            "خليل",
            "سعيد",
            "عباس",
        ],
        family_first: false,
        locale: None,
    },
    Script {
        given: &["राज", "प्रिया", "अमित", "सीता", "विक्रम", "अनिता", "रवि", "लक्ष्मी", "अर्जुन", "नेहा"],
        family: &["कुमार", "शर्मा", "सिंह", "गुप्ता", "वर्मा", "पटेल", "जोशी", "मिश्रा", "यादव", "ठाकुर"],
        family_first: false,
        locale: None,
    },
];

/// So many people, the same for the same seed.
pub struct People {
    pub count: u64,
    pub seed: u64,
    /// Everybody's.
    pub hash: String,
}

/// Somebody who does not exist.
pub struct Person {
    pub email: String,
    pub name: String,
    pub locale: Option<&'static str>,
    pub status: &'static str,
    pub hash: String,
}

impl People {
    pub fn all(&self) -> impl Iterator<Item = Person> + Send + use<> {
        let (random, seed, hash) = (Random::seeded(self.seed), self.seed, self.hash.clone());
        (1..=self.count).map(move |number| {
            let [script, given, family, more, status] = random.bytes::<5>();
            let script = &SCRIPTS[usize::from(script) % SCRIPTS.len()];
            let given = script.given[usize::from(given) % script.given.len()];
            let family = script.family[usize::from(family) % script.family.len()];
            Person {
                // A name that no mail server ever has (RFC 2606 §2).
                email: format!("person.{number}@seed-{seed}.example"),
                name: name(script, given, family, more),
                locale: script.locale,
                status: match status {
                    0..=7 => "suspended",
                    8..=15 => "pending",
                    _ => "active",
                },
                hash: hash.clone(),
            }
        })
    }

    /// The same as lines of a file that is not there.
    pub fn source(&self) -> Source {
        let rows = self.all().zip(1..).map(|(person, line)| {
            let Person { email, name, locale, status, hash } = person;
            let row = Row::of(email, name, locale.map(str::to_owned), status.to_owned(), hash);
            Ok(Taken { line, end: line, row: Ok(row) })
        });
        Box::new(rows)
    }
}

/// Some have an initial between their names, so that not all of a name are the same.
fn name(script: &Script, given: &str, family: &str, more: u8) -> String {
    match (script.family_first, script.locale) {
        (true, _) => format!("{family}{given}"),
        (false, Some("en")) => format!("{given} {}. {family}", char::from(b'A' + more % 26)),
        _ => format!("{given} {family}"),
    }
}
