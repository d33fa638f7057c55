//! The text fingerprint: a message with everything variable masked, so that `disk 93% full on 10.0.0.7` and `disk 97%
//! full on 10.0.0.9` are one problem: `disk <percent> full on <ip>`. For senders that have no id for a problem.
//!
//! In the spirit of Drain (He et al., ICWS 2017: a token with a digit is a variable), but without its tree: a template
//! is a function of the one text, so that replicas, replays and later days agree without sharing anything.
//!
//! | mask | stands for |
//! |---|---|
//! | `<num>` | a number: `42`, `-1.5`, `1,234`, `1e-3`, the `1.2.3` of `v1.2.3`, the `01` of `web01` |
//! | `<percent>`, `<duration>`, `<size>` | a number with its unit: `93%`, `1m30s`, `250 ms`, `PT5M`, `512Mi`, `4 kB` |
//! | `<time>` | a date, a time of day with seconds, or both: RFC 3339, RFC 1123, syslog's and web servers' |
//! | `<ip>`, `<mac>` | an IPv4 or IPv6 address, with its port; a hardware address |
//! | `<uuid>` | a UUID |
//! | `<id>` | a hexadecimal number or hash, letters mixed with digits, the random end of a pod's name |
//! | `<token>` | a JSON web token, or 24 characters and more that look like base64 |
//! | `<email>`, `<arn>` | an e-mail address; an ARN of AWS |
//! | `<query>` | what follows the `?` of a URL |
//!
//! The masks are part of fingerprints: to change one, or what it stands for, opens every such incident anew.
//!
//! What is quoted is text like other text: `"disk full"` and `"no route to host"` are two problems. The host and path of
//! a URL stay, but for what is masked anywhere. White space becomes single spaces. A template has no digit, and is its
//! own template.
//!
//! What it cannot do: words that vary (`user alice`) stay, and an id looks by chance like a number (2 % of those of
//! eight hexadecimal digits) or like a word.

mod address;
mod found;
mod ident;
mod lexer;
mod moment;
mod quantity;

use std::borrow::Cow;

use domain::event::{bounds, clip};
use lexer::{Lexer, Piece};

/// Bytes of a template: what a label's value may have. The beginning of a message says what it is about.
const TEMPLATE_BYTES: usize = bounds::LABEL_VALUE_BYTES;

/// Bytes of a text that are looked at: many times what a template holds, and a bound for a dump in a message.
const READ_BYTES: usize = 4096;

const NUM: &str = "<num>";
const PERCENT: &str = "<percent>";
const DURATION: &str = "<duration>";
const SIZE: &str = "<size>";
const TIME: &str = "<time>";
const IP: &str = "<ip>";
const MAC: &str = "<mac>";
const UUID: &str = "<uuid>";
const ID: &str = "<id>";
const TOKEN: &str = "<token>";
const EMAIL: &str = "<email>";
const ARN: &str = "<arn>";
const QUERY: &str = "<query>";

/// The template of a text. In linear time, whatever the text; empty for a text without anything to see.
pub(crate) fn of(text: &str) -> Cow<'_, str> {
    let mut lexer = Lexer::new(clip(text, READ_BYTES));
    let mut template = String::with_capacity(TEMPLATE_BYTES);
    while let Some(piece) = lexer.next_piece() {
        let written = match piece {
            Piece::Mask(mask) => mask,
            Piece::Literal(literal) => literal,
            Piece::Space if template.is_empty() || template.ends_with(' ') => "",
            Piece::Space => " ",
        };
        if template.len() + written.len() > TEMPLATE_BYTES {
            end_in_whole_words(&mut template, written, lexer.was_mid_word());
            break;
        }
        template.push_str(written);
    }
    template.truncate(template.trim_end().len());
    if template == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(template)
    }
}

/// Ends a template before a piece that does not fit. Half a word is left out, since it might look like something else
/// and be masked when the template is read as a text; but a word that is the whole template is cut.
fn end_in_whole_words(template: &mut String, piece: &str, is_mid_word: bool) {
    if template.is_empty() {
        template.push_str(clip(piece, TEMPLATE_BYTES));
    } else if is_mid_word {
        let whole = template.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric());
        template.truncate(whole.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines as real programs write them, and their templates.
    const LINES: [(&str, &str); 47] = [
        ("disk 93% full on 10.0.0.7", "disk <percent> full on <ip>"),
        (
            "2024-12-20T10:30:00.123Z ERROR [http-nio-8080-exec-3] timeout after 30000 ms",
            "<time> ERROR [http-nio-<num>-exec-<num>] timeout after <duration>",
        ),
        (
            "E1220 10:30:05.123456       1 reflector.go:138] Failed to watch *v1.Pod: dial tcp 10.96.0.1:443: connect: connection refused",
            "E<num> <time> <num> reflector.go:<num>] Failed to watch *v<num>.Pod: dial tcp <ip>: connect: connection refused",
        ),
        (
            "Dec  1 04:05:06 web-01 sshd[4242]: Failed password for invalid user admin from 203.0.113.9 port 51122 ssh2",
            "<time> web-<num> sshd[<num>]: Failed password for invalid user admin from <ip> port <num> ssh<num>",
        ),
        (
            r#"203.0.113.9 - - [20/Dec/2024:10:30:00 +0000] "GET /api/users/42?page=2 HTTP/1.1" 500 1234"#,
            r#"<ip> - - [<time>] "GET /api/users/<num>?page=<num> HTTP/<num>" <num> <num>"#,
        ),
        (
            "2024-12-20 10:30:00.123 UTC [4711] FATAL:  remaining connection slots are reserved",
            "<time> [<num>] FATAL: remaining connection slots are reserved",
        ),
        (
            r"Back-off restarting failed container app in pod payments-7d4b9c6f5-x2x9z_shop(8f14e45f-ceea-467f-9c3b-1a2b3c4d5e6f)",
            "Back-off restarting failed container app in pod payments-<id>-<id>_shop(<uuid>)",
        ),
        (
            r#"Readiness probe failed: Get "http://10.244.1.17:8080/ready": context deadline exceeded"#,
            r#"Readiness probe failed: Get "http://<ip>/ready": context deadline exceeded"#,
        ),
        ("fluentd-xkcdz evicted", "fluentd-<id> evicted"),
        ("service-httpd down", "service-httpd down"),
        ("service-dhcpd down", "service-dhcpd down"),
        ("listener-https of web-x2x9z", "listener-https of web-<id>"),
        (
            "Out of memory: Killed process 12345 (java) total-vm:8388608kB, anon-rss:4194304kB",
            "Out of memory: Killed process <num> (java) total-vm:<size>, anon-rss:<size>",
        ),
        (
            "[12345.678901] EXT4-fs error (device sda1): ext4_lookup:1855: inode #2: comm ls",
            "[<num>] EXT<num>-fs error (device sda<num>): ext<num>_lookup:<num>: inode #<num>: comm ls",
        ),
        (
            "java.sql.SQLException: Lock wait timeout exceeded at com.example.Dao.save(Dao.java:217)",
            "java.sql.SQLException: Lock wait timeout exceeded at com.example.Dao.save(Dao.java:<num>)",
        ),
        (
            "GET https://shop.example.com/cart/9?session=AbC&x=1 took 1.5s",
            "GET https://shop.example.com/cart/<num>?<query> took <duration>",
        ),
        (
            "User: arn:aws:iam::123456789012:user/deploy is not authorized to perform: s3:GetObject",
            "User: <arn> is not authorized to perform: s<num>:GetObject",
        ),
        (
            "mail to alice.b+c@example.com. bounced",
            "mail to <email>. bounced",
        ),
        (
            "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "Authorization: Bearer <token>",
        ),
        (
            "x-amz-id-2: 9vKBE6vMhrNiWHZmb2L0mXOcqPGzQOI5XLnCtZNPxev+Hf+7tpT6sxDwDty4LHBUOZJG96N1234=",
            "x-amz-id-<num>: <token>",
        ),
        (
            "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b by ci",
            "commit <id> by ci",
        ),
        (
            "segfault at 0x7fff5fbff8c8 ip 00007f1e",
            "segfault at <id> ip <id>",
        ),
        (
            "slow query: 1m30.5s, 1,234,567 rows, 3 seconds over",
            "slow query: <duration>, <num> rows, <duration> over",
        ),
        ("timeout of PT1H30M reached", "timeout of <duration> reached"),
        (
            "limit 512Mi, used 1.5 GiB at 12.5 MB",
            "limit <size>, used <size> at <size>",
        ),
        (
            "from [2001:db8::1]:443 to fe80::1%eth0: no route",
            "from <ip> to <ip>: no route",
        ),
        (
            "listening on ::1, [::1] and std::vec",
            "listening on <ip>, [<ip>] and std::vec",
        ),
        (
            "link 00:1a:2b:3c:4d:5e down since 10:30:00",
            "link <mac> down since <time>",
        ),
        (
            "temp -5 rose to 1e-3, then to +1.5e10",
            "temp <num> rose to <num>, then to <num>",
        ),
        ("Fri, 20 Dec 2024 10:30:00 GMT: expired", "<time>: expired"),
        (
            "at Fri Dec 20 10:30:00 2024 and 20.12.2024 10:30",
            "at <time> and <time>",
        ),
        ("rotated app-2024-12-20.log", "rotated app-<time>.log"),
        ("retry 3/5 in 00:00:10", "retry <num>/<num> in <time>"),
        (
            "node-3 v1.29.4-eks-036c24b NotReady",
            "node-<num> v<num>-eks-<id> NotReady",
        ),
        (
            "pull nginx@sha256:9f86d081884c7d659a2feaa0 failed",
            "pull nginx@sha<num>:<id> failed",
        ),
        (
            "ORA-00600: internal error code, arguments: [17059]",
            "ORA-<num>: internal error code, arguments: [<num>]",
        ),
        ("磁盘使用率95%超过阈值", "磁盘使用率<percent>超过阈值"),
        (
            "größer als 5\u{a0}% und 3 ms",
            "größer als <num> % und <duration>",
        ),
        ("  two\tlines\r\n and\x1b  gaps ", "two lines and gaps"),
        ("latency 250µs", "latency <duration>"),
        ("no variables here", "no variables here"),
        ("", ""),
        ("42", "<num>"),
        ("already <num> masked <id>", "already <num> masked <id>"),
        ("backup-28912345-x7k2p failed", "backup-<num>-<id> failed"),
        (
            "/usr/lib/Python3/site-packages/AbstractHandlerMethodAdapter2.py",
            "/usr/lib/Python<num>/site-packages/AbstractHandlerMethodAdapter<num>.py",
        ),
        ("http://h/?", "http://h/?"),
    ];

    #[test]
    fn what_varies_in_real_lines_is_masked_and_the_rest_stays() {
        for (line, template) in LINES {
            assert_eq!(of(line), template, "{line}");
            assert_eq!(of(template), template);
        }
        assert!(matches!(of("no variables here"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_template_ends_in_a_whole_word_within_its_bound() {
        let long = of(&"word ".repeat(100)).into_owned();
        assert_eq!(long, "word ".repeat(51).trim_end());
        assert_eq!(of(&"ü".repeat(200)).len(), TEMPLATE_BYTES);
        assert_eq!(of(&"x".repeat(9000)).len(), TEMPLATE_BYTES);
        let cut_between = format!("{} -xkcdz7", "x".repeat(248));
        assert_eq!(of(&cut_between), format!("{} -", "x".repeat(248)));
        assert_eq!(of("web-xkcdz1,234"), "web-xkcdz<num>");
        assert_eq!(of("web-xkcdz<num>"), "web-xkcdz<num>");
    }

    #[test]
    fn what_lies_beyond_the_bound_of_reading_makes_no_difference() {
        for unit in [
            "1.", "1..", "a@", "a:", "1h", "eyJ", "-", "1,234", "a1", "arn:", "?", "10.0.0.", "::1", "Dec ",
        ] {
            let long = unit.repeat(1 << 18);
            assert_eq!(of(&long), of(clip(&long, READ_BYTES)), "{unit}");
        }
    }

    /// A word of a message, and what may stand in its place without making it another message.
    fn slot() -> impl Strategy<Value = (String, String)> {
        let pair = |regex: &'static str| (regex, regex).boxed();
        prop_oneof![
            "[a-z]{1,8}".prop_map(|word| (word.clone(), word)),
            pair("-?[0-9]{1,12}"),
            pair("[0-9]{1,3}\\.[0-9]{1,3}"),
            pair("[0-9]{1,3}%"),
            pair("[0-9]{1,4}(ms|s|m|h)"),
            pair("[0-9]{1,4} (seconds|minutes|ms)"),
            pair("[0-9]{1,3}\\.[0-9] ?(KiB|MB|GB)"),
            pair("(1?[0-9]|2[0-4])\\.1[0-9]\\.[0-9]\\.25[0-5](:[0-9]{2,5})?"),
            pair("2001:db8:[1-9a-f]{1,4}::[1-9][0-9a-f]{0,3}"),
            pair("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
            pair(
                "20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{3})?(Z|[+-][01][0-9]:00)?"
            ),
            pair("(Jan|Feb|Dec) [ 1-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]"),
            pair("web-[bcdfghjkl]{4}[2456789]{5}-[bcdfghjklmnpqrstvwxz]{5}"),
            pair("[a-z]{1,8}@[a-z0-9]{1,8}\\.example"),
            pair("arn:aws:sns:[a-z]{2}-west-[1-3]:[0-9]{12}:[a-z]{1,8}"),
        ]
    }

    proptest! {
        #[test]
        fn a_template_is_its_own_template(text in "\\PC{0,400}") {
            let once = of(&text).into_owned();
            prop_assert_eq!(&*of(&once), &*once);
        }

        #[test]
        fn a_template_of_dense_shapes_is_its_own_template(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("-"), Just(":"), Just("."), Just("/"), Just("?"), Just("@"), Just("://"), Just(" "), Just("5"),
                    Just("xkcdz"), Just("foo"), Just("b.c"), Just("arn:aws"), Just("10:30:00"), Just("10.0.0.1"),
                    Just("::1"), Just("%"), Just("ms"), Just("Dec 20"), Just("eyJ"), Just("aB3dE6gH9jK1mN4pQ7sT0vW"),
                    Just("ü"), Just("+"), Just("="), Just("["), Just("]"), Just("0x1f"), Just("1,234"), Just("e-5"),
                    Just("8f14e45f-ceea-467f-9c3b-1a2b3c4d5e6f"),
                ],
                0..120,
            ),
        ) {
            let text = parts.concat();
            let once = of(&text).into_owned();
            prop_assert!(once.len() <= TEMPLATE_BYTES);
            prop_assert!(!once.bytes().any(|byte| byte.is_ascii_digit()), "{}", once);
            prop_assert_eq!(&*of(&once), &*once, "{}", text);
        }

        #[test]
        fn texts_that_differ_only_in_what_varies_are_one_problem(
            slots in prop::collection::vec(slot(), 1..8),
        ) {
            let join = |pick: fn(&(String, String)) -> &str| slots.iter().map(pick).collect::<Vec<_>>().join(" is ");
            let (one, other) = (join(|pair| &pair.0), join(|pair| &pair.1));
            prop_assert_eq!(of(&one), of(&other), "{} / {}", one, other);
        }

        #[test]
        fn any_bytes_have_a_template(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = String::from_utf8_lossy(&bytes);
            let once = of(&text).into_owned();
            prop_assert_eq!(&*of(&once), &*once);
        }
    }
}
