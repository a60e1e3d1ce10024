//! Keys and keyrings: for each operation of keyctl, what its arguments are.

use super::super::raw::Raw;
use super::super::sockets::{self, Buffers};
use super::super::{Cx, scalars, strings};
use super::misc;
use crate::call::Outcome;
use crate::view::names::{Set, choices, errno_name, errno_text};
use crate::view::spelled::Spelled;
use crate::view::value::{Field, Text, Value, fields};
use crate::view::word::{Number, Word};

/// Keyrings that every process has.
const SPECIAL: &[(i32, &str)] = &[
    (-1, "KEY_SPEC_THREAD_KEYRING"),
    (-2, "KEY_SPEC_PROCESS_KEYRING"),
    (-3, "KEY_SPEC_SESSION_KEYRING"),
    (-4, "KEY_SPEC_USER_KEYRING"),
    (-5, "KEY_SPEC_USER_SESSION_KEYRING"),
    (-6, "KEY_SPEC_GROUP_KEYRING"),
    (-7, "KEY_SPEC_REQKEY_AUTH_KEY"),
    (-8, "KEY_SPEC_REQUESTOR_KEYRING"),
];

/// Where keys go that are asked for.
const DEFAULT: &[(i32, &str)] = &[
    (-1, "KEY_REQKEY_DEFL_NO_CHANGE"),
    (0, "KEY_REQKEY_DEFL_DEFAULT"),
    (1, "KEY_REQKEY_DEFL_THREAD_KEYRING"),
    (2, "KEY_REQKEY_DEFL_PROCESS_KEYRING"),
    (3, "KEY_REQKEY_DEFL_SESSION_KEYRING"),
    (4, "KEY_REQKEY_DEFL_USER_KEYRING"),
    (5, "KEY_REQKEY_DEFL_USER_SESSION_KEYRING"),
    (6, "KEY_REQKEY_DEFL_GROUP_KEYRING"),
    (7, "KEY_REQKEY_DEFL_REQUESTOR_KEYRING"),
];

const PERMISSIONS: Set = Set {
    zero: "0",
    unknown: "KEY_???",
    names: &[
        (0x1000000, "KEY_POS_VIEW"),
        (0x2000000, "KEY_POS_READ"),
        (0x4000000, "KEY_POS_WRITE"),
        (0x8000000, "KEY_POS_SEARCH"),
        (0x10000000, "KEY_POS_LINK"),
        (0x20000000, "KEY_POS_SETATTR"),
        (0x10000, "KEY_USR_VIEW"),
        (0x20000, "KEY_USR_READ"),
        (0x40000, "KEY_USR_WRITE"),
        (0x80000, "KEY_USR_SEARCH"),
        (0x100000, "KEY_USR_LINK"),
        (0x200000, "KEY_USR_SETATTR"),
        (0x100, "KEY_GRP_VIEW"),
        (0x200, "KEY_GRP_READ"),
        (0x400, "KEY_GRP_WRITE"),
        (0x800, "KEY_GRP_SEARCH"),
        (0x1000, "KEY_GRP_LINK"),
        (0x2000, "KEY_GRP_SETATTR"),
        (0x1, "KEY_OTH_VIEW"),
        (0x2, "KEY_OTH_READ"),
        (0x4, "KEY_OTH_WRITE"),
        (0x8, "KEY_OTH_SEARCH"),
        (0x10, "KEY_OTH_LINK"),
        (0x20, "KEY_OTH_SETATTR"),
    ],
};

const MOVE: Set = Set { zero: "0", unknown: "KEYCTL_MOVE_???", names: &[(1, "KEYCTL_MOVE_EXCL")] };

const SUPPORTS: Set = Set {
    zero: "0",
    unknown: "KEYCTL_SUPPORTS_???",
    names: &[
        (0x1, "KEYCTL_SUPPORTS_ENCRYPT"),
        (0x2, "KEYCTL_SUPPORTS_DECRYPT"),
        (0x4, "KEYCTL_SUPPORTS_SIGN"),
        (0x8, "KEYCTL_SUPPORTS_VERIFY"),
    ],
};

/// What each byte of the kernel's abilities means.
const ABILITIES: [Set; 2] = [
    Set {
        zero: "0",
        unknown: "KEYCTL_CAPS0_???",
        names: &[
            (0x1, "KEYCTL_CAPS0_CAPABILITIES"),
            (0x2, "KEYCTL_CAPS0_PERSISTENT_KEYRINGS"),
            (0x4, "KEYCTL_CAPS0_DIFFIE_HELLMAN"),
            (0x8, "KEYCTL_CAPS0_PUBLIC_KEY"),
            (0x10, "KEYCTL_CAPS0_BIG_KEY"),
            (0x20, "KEYCTL_CAPS0_INVALIDATE"),
            (0x40, "KEYCTL_CAPS0_RESTRICT_KEYRING"),
            (0x80, "KEYCTL_CAPS0_MOVE"),
        ],
    },
    Set {
        zero: "0",
        unknown: "KEYCTL_CAPS1_???",
        names: &[
            (0x1, "KEYCTL_CAPS1_NS_KEYRING_NAME"),
            (0x2, "KEYCTL_CAPS1_NS_KEY_TAG"),
            (0x4, "KEYCTL_CAPS1_NOTIFICATIONS"),
        ],
    },
];

/// What an argument of an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arg {
    Key,
    Int,
    /// Of a user or group.
    Id,
    /// A number of seconds.
    UInt,
    /// A size.
    Size,
    Hex,
    Text,
    /// As many bytes as the next argument says.
    Bytes,
    /// The same in a vector.
    Vector,
    /// Bytes of the kernel's, at most as many as the next argument says.
    Answer,
    /// The same, with a NUL at the end.
    AnswerText,
    Permissions,
    Default,
    Errno,
    MoveFlags,
    /// The three numbers of a key exchange, and what is made of its result.
    Exchange,
    Derivation,
    /// What can be done with a key.
    Query,
    /// The sizes of data that the next arguments are: given and answered, or both given.
    Sizes(&'static str),
    /// Data whose size is the field at this place of the sizes.
    Data(usize),
    Abilities,
}

use Arg::{Answer, AnswerText, Bytes, Data, Hex, Key, Size, Sizes, Text as Name, UInt, Vector};

/// The arguments of an operation.
fn arguments(operation: u32) -> &'static [Arg] {
    match operation {
        0 => &[Key, Arg::Int],
        1 => &[Name],
        2 => &[Key, Bytes, Size],
        3 | 7 | 16 | 21 => &[Key],
        4 => &[Key, Arg::Id, Arg::Id],
        5 => &[Key, Arg::Permissions],
        6 | 17 => &[Key, AnswerText, Size],
        8 | 9 => &[Key, Key],
        10 => &[Key, Name, Name, Key],
        11 => &[Key, Answer, Size],
        12 => &[Key, Bytes, Size, Key],
        13 => &[Key, UInt, Key],
        14 => &[Arg::Default],
        15 => &[Key, UInt],
        18 => &[],
        19 => &[Key, UInt, Arg::Errno, Key],
        20 => &[Key, Vector, Size, Key],
        22 => &[Arg::Id, Key],
        23 => &[Arg::Exchange, Answer, Size, Arg::Derivation],
        24 => &[Key, Hex, Name, Arg::Query],
        25..=27 => &[Sizes("out_len"), Name, Data(4), Data(8)],
        28 => &[Sizes("in2_len"), Name, Data(4), Data(8)],
        29 => &[Key, Name, Name],
        30 => &[Key, Key, Key, Arg::MoveFlags],
        31 => &[Arg::Abilities, Size],
        _ => &[Hex; 4],
    }
}

/// Whether the last of the data is the kernel's.
fn answers(operation: u32) -> bool {
    (25..=27).contains(&operation)
}

/// add_key and request_key end with a keyring.
pub(super) fn enter_ring(cx: &Cx<'_>) -> Vec<Value> {
    let mut args = misc::enter_row(cx);
    let at = args.len().saturating_sub(1);
    if let Some(ring) = args.last_mut() {
        *ring = key(cx.int(at));
    }
    args
}

pub(super) fn enter(cx: &Cx<'_>) -> Vec<Value> {
    let operation = cx.uint(0);
    let mut args = vec![Value::name(choices::KEYCTL.spell(operation.into()))];
    for (at, &arg) in (1..).zip(arguments(operation)) {
        args.push(match arg {
            Answer | AnswerText | Arg::Query | Arg::Abilities => Value::Pending,
            Data(8) if answers(operation) => Value::Pending,
            _ => given(cx, arg, at),
        });
    }
    args
}

pub(super) fn leave(cx: &Cx<'_>, spelled: &mut Spelled, outcome: Outcome) {
    let count = match outcome {
        Outcome::Value(count) => Some(u64::try_from(count).unwrap_or(0)),
        Outcome::Never => return,
        Outcome::Error(_) | Outcome::Restarts(_) => None,
    };
    for (at, &arg) in (1..).zip(arguments(cx.uint(0))) {
        let Some(value) = spelled.args.get_mut(at).filter(|value| value.is_pending()) else {
            continue;
        };
        *value = match count {
            Some(count) => answered(cx, arg, at, count),
            None => Value::Addr(cx.arg(at)),
        };
    }
}

fn given(cx: &Cx<'_>, arg: Arg, at: usize) -> Value {
    let word = cx.arg(at);
    match arg {
        Key => key(cx.int(at)),
        Arg::Int => Value::Int(cx.int(at).into()),
        Arg::Id => scalars::id(cx.uint(at)),
        UInt => Value::UInt(cx.uint(at).into()),
        Size => Value::UInt(word),
        Name => strings::text(cx, word),
        Bytes => strings::bytes(cx, word, cx.arg(at + 1)),
        Vector => sockets::vector(cx, word, cx.arg(at + 1), Buffers::Whole),
        Arg::Permissions => Value::flags(PERMISSIONS.spell(cx.uint(at).into())),
        Arg::Default => signed(DEFAULT, cx.int(at), " /* KEY_REQKEY_DEFL_??? */"),
        Arg::Errno => match errno_text(cx.int(at)) {
            Some(_) => {
                Value::name(Word::new(errno_name(cx.int(at)), Number::Unsigned(cx.uint(at).into())))
            }
            None => Value::UInt(cx.uint(at).into()),
        },
        Arg::MoveFlags => Value::flags(MOVE.spell(cx.uint(at).into())),
        Arg::Exchange => cx.at(word, 12, |raw| {
            Value::Struct(fields! {
                private: key(raw.i32(0)),
                prime: key(raw.i32(4)),
                base: key(raw.i32(8)),
            })
        }),
        // This one is looked into in every style.
        Arg::Derivation => match cx.peek(word, 7 * 8) {
            Some(raw) => derivation(cx, &raw),
            None => Value::Addr(word),
        },
        Sizes(second) => cx.at(word, 40, |raw| {
            let mut shown = fields! {
                key_id: key(raw.i32(0)),
                in_len: Value::UInt(raw.u32(4).into()),
            };
            shown.push((second.into(), Value::UInt(raw.u32(8).into())));
            shown.extend(spare(cx, raw, 12, 7));
            Value::Struct(shown)
        }),
        Data(field) => match cx.raw(cx.arg(1), 40) {
            Some(sizes) => strings::bytes(cx, word, sizes.u32(field).into()),
            None => Value::Addr(word),
        },
        _ => Value::Hex(word),
    }
}

/// What the kernel has filled in of `count` bytes.
fn answered(cx: &Cx<'_>, arg: Arg, at: usize, count: u64) -> Value {
    let addr = cx.arg(at);
    match arg {
        Answer => strings::bytes(cx, addr, count.min(cx.arg(at + 1))),
        AnswerText => match strings::bytes(cx, addr, count.min(cx.arg(at + 1))) {
            Value::Str(text) => Value::Str(without_end(text)),
            other => other,
        },
        Arg::Query => cx.at(addr, 56, |raw| query(cx, raw)),
        Arg::Abilities => {
            let mut index = 0;
            cx.array(addr, count.min(cx.arg(at + 1)), 1, |raw| {
                let set = ABILITIES.get(index);
                index += 1;
                let byte = raw.u8(0).into();
                set.map_or(Value::Hex(byte), |set| Value::flags(set.spell(byte)))
            })
        }
        _ => given(cx, arg, at),
    }
}

fn without_end(mut text: Text) -> Text {
    if text.bytes.last() == Some(&0) {
        text.bytes.pop();
    }
    text
}

/// A key, or one of the keyrings that every process has.
fn key(serial: i32) -> Value {
    signed(SPECIAL, serial, "")
}

fn signed(names: &[(i32, &'static str)], value: i32, unknown: &str) -> Value {
    let number = Number::Signed(value.into());
    Value::name(match names.iter().find(|&&(known, _)| known == value) {
        Some(&(_, name)) => Word::new(name, number),
        None => Word::new(format!("{number}{unknown}"), number),
    })
}

/// `struct keyctl_kdf_params`
fn derivation(cx: &Cx<'_>, raw: &Raw) -> Value {
    let length = raw.u32(16);
    let mut shown = fields! {
        hashname: strings::text(cx, raw.u64(0)),
        otherinfo: match cx.peek(raw.u64(8), 1) {
            Some(_) => strings::bytes(cx, raw.u64(8), length.into()),
            None => Value::Addr(raw.u64(8)),
        },
        otherinfolen: Value::UInt(length.into()),
    };
    shown.extend(spare(cx, raw, 20, 8));
    Value::Struct(shown)
}

/// `struct keyctl_pkey_query`
fn query(cx: &Cx<'_>, raw: &Raw) -> Value {
    let short = |at| Value::UInt(raw.u16(at).into());
    let mut shown = fields! {
        supported_ops: Value::flags(SUPPORTS.spell(raw.u32(0).into())),
        key_size: Value::UInt(raw.u32(4).into()),
        max_data_size: short(8),
        max_sig_size: short(10),
        max_enc_size: short(12),
        max_dec_size: short(14),
    };
    shown.extend(spare(cx, raw, 16, 10));
    Value::Struct(shown)
}

/// Words without a meaning, if there is anything in them.
fn spare(cx: &Cx<'_>, raw: &Raw, at: usize, count: usize) -> Vec<Field> {
    let words: Vec<u32> = (0..count).map(|index| raw.u32(at + 4 * index)).collect();
    if words.iter().all(|&word| word == 0) {
        return Vec::new();
    }
    let max = cx.elements_max();
    let mut shown: Vec<Value> =
        words.iter().take(max).map(|&word| Value::Hex(word.into())).collect();
    if words.len() > max {
        shown.push(Value::More);
    }
    fields! { __spare: Value::Array(shown) }
}
