//! Options of well-known programs whose values are secrets, though their names do not say so.

use std::ops::Range;

use super::names;

/// What of an option's value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All of it.
    Whole,
    /// All of it, and it is always a word of its own.
    Word,
    /// All of it, and it is never a word of its own.
    Attached,
    /// What comes behind the first such byte.
    Behind(u8),
    /// What comes behind this, if it starts so.
    Start(&'static str),
    /// The value of `NAME=value`, if the name is that of a secret.
    Assigned,
}

impl Shape {
    /// Where the secret is in a word of which the value starts there.
    pub(super) fn secret(self, word: &[u8], at: usize) -> Option<Range<usize>> {
        let value = &word[at..];
        let skipped = match self {
            Shape::Whole | Shape::Word | Shape::Attached => 0,
            // The address that comes behind an option which is another here.
            Shape::Behind(_) if super::find(value, b"://").is_some() => return None,
            Shape::Behind(between) => value.iter().position(|&byte| byte == between)? + 1,
            Shape::Start(start) => value.strip_prefix(start.as_bytes()).map(|_| start.len())?,
            Shape::Assigned => {
                let (name, _) = super::split(value, b'=')?;
                names::is_secret_part(name).then_some(name.len() + 1)?
            }
        };
        Some(at + skipped..word.len())
    }
}

/// Whether a program takes lines of a shell, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// It takes none.
    None,
    /// The next word that is no option is one.
    Next,
    /// All that is left may be some.
    All,
}

/// Programs that have the same options.
#[derive(Debug)]
pub(super) struct Program {
    names: &'static [&'static str],
    options: &'static [(&'static str, Shape)],
    /// Where lines are, behind an option `-c` if only the next word is one.
    lines: Lines,
}

/// Where an option's value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// In the same word, from there on.
    Here(Shape, usize),
    /// It is the next word.
    Next(Shape),
}

const fn program(
    names: &'static [&'static str],
    options: &'static [(&'static str, Shape)],
) -> Program {
    Program { names, options, lines: Lines::None }
}

const fn shell(names: &'static [&'static str], lines: Lines) -> Program {
    Program { names, options: &[], lines }
}

use Shape::{Assigned, Attached, Behind, Start, Whole, Word};

const PROGRAMS: &[Program] = &[
    program(
        &["curl"],
        &[
            ("-u", Behind(b':')),
            ("--user", Behind(b':')),
            ("-U", Behind(b':')),
            ("--proxy-user", Behind(b':')),
            ("-E", Behind(b':')),
            ("--cert", Behind(b':')),
            ("--proxy-cert", Behind(b':')),
            ("-b", Behind(b'=')),
            ("--cookie", Behind(b'=')),
            ("--oauth2-bearer", Whole),
        ],
    ),
    program(&["http", "https", "xh", "xhs"], &[("-a", Behind(b':')), ("--auth", Behind(b':'))]),
    program(
        &[
            "mariadb",
            "mariadb-admin",
            "mariadb-check",
            "mariadb-dump",
            "mariadb-import",
            "mariadb-show",
            "mysql",
            "mysqladmin",
            "mysqlcheck",
            "mysqldump",
            "mysqlimport",
            "mysqlshow",
        ],
        &[("-p", Attached)],
    ),
    program(&["sshpass"], &[("-p", Whole)]),
    program(&["redis-cli"], &[("-a", Word)]),
    program(
        &["mongo", "mongodump", "mongoexport", "mongoimport", "mongorestore", "mongosh"],
        &[("-p", Whole)],
    ),
    // Elsewhere `-p` is a port or a platform.
    program(&["login"], &[("-p", Whole)]),
    program(
        &["buildah", "podman", "skopeo"],
        &[("--creds", Behind(b':')), ("--src-creds", Behind(b':')), ("--dest-creds", Behind(b':'))],
    ),
    program(
        &["ldapadd", "ldapcompare", "ldapdelete", "ldapmodify", "ldapmodrdn", "ldapsearch"],
        &[("-w", Whole)],
    ),
    program(&["ldappasswd"], &[("-w", Whole), ("-s", Whole), ("-a", Whole)]),
    program(
        &["openssl"],
        &[
            ("-pass", Start("pass:")),
            ("-passin", Start("pass:")),
            ("-passout", Start("pass:")),
            ("-hmac", Word),
            ("-k", Word),
            ("-K", Word),
        ],
    ),
    program(&["unzip", "zip"], &[("-P", Whole)]),
    program(&["7z", "7za", "7zr", "7zz", "rar", "unrar"], &[("-p", Attached), ("-hp", Attached)]),
    program(&["ssh-keygen"], &[("-N", Whole), ("-P", Whole)]),
    program(&["net", "rpcclient", "smbclient"], &[("-U", Behind(b'%')), ("--user", Behind(b'%'))]),
    program(&["lftp"], &[("-u", Behind(b','))]),
    program(&["bcp", "ipmitool", "sqlcmd"], &[("-P", Whole)]),
    program(&["wfreerdp", "xfreerdp", "xfreerdp3"], &[("/p:", Attached)]),
    program(&["jarsigner", "keytool"], &[("-storepass", Whole), ("-keypass", Whole)]),
    program(
        &["ant", "gradle", "gradlew", "java", "mvn", "mvnw", "sbt"],
        &[("-D", Assigned), ("-P", Assigned)],
    ),
    // Their own options mean something else than those of `sshpass` before them.
    program(&["rsync", "scp", "sftp"], &[]),
    shell(&["ash", "bash", "dash", "ksh", "mksh", "runuser", "sh", "su", "zsh"], Lines::Next),
    shell(&["parallel", "ssh", "watch"], Lines::All),
];

impl Program {
    /// The program of this name, or at this path. What others are given as words (`sudo curl …`) is one too.
    pub(super) fn named(word: &[u8]) -> Option<&'static Program> {
        let name = word.rsplit(|&byte| byte == b'/').next()?;
        PROGRAMS.iter().find(|program| program.names.iter().any(|n| n.as_bytes() == name))
    }

    /// The option that a word is: `-p`, `-pVALUE`, `-xp`, `--option`, `--option=VALUE`.
    pub(super) fn option(&self, word: &[u8]) -> Option<Found> {
        self.options.iter().find_map(|&(option, shape)| {
            let name = option.as_bytes();
            let is_short = name.len() == 2 && name[0] == b'-';
            if word == name {
                return (shape != Attached).then_some(Found::Next(shape));
            }
            if shape == Word {
                return None;
            }
            match word.strip_prefix(name) {
                Some(rest) if is_short || shape == Attached => {
                    return (!rest.starts_with(b"-")).then_some(Found::Here(shape, name.len()));
                }
                Some([b'=', ..]) => return Some(Found::Here(shape, name.len() + 1)),
                _ => {}
            }
            let others = word.strip_prefix(b"-")?.strip_suffix(&name[1..])?;
            let is_last = is_short && others.iter().all(u8::is_ascii_alphanumeric);
            (is_last && shape != Attached).then_some(Found::Next(shape))
        })
    }

    /// Which of the words behind this one are lines that a shell takes apart; `lines` was so for this one.
    pub(super) fn lines_behind(&self, word: &[u8], lines: Lines) -> Lines {
        match (self.lines, word.strip_prefix(b"-")) {
            (Lines::Next, Some(letters)) => {
                let has_c = letters.iter().all(u8::is_ascii_alphabetic) && letters.contains(&b'c');
                if has_c { Lines::Next } else { lines }
            }
            (Lines::Next, None) => Lines::None,
            (lines, _) => lines,
        }
    }
}
