//! Expressions as a whole: what they see, what they answer, and that the largest ones are safe to run.

use serde_json::{Value as Json, json};

use super::*;

/// The least stack that a thread of ours has: tokio's workers', and what Rust gives a thread.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn compile(text: &str) -> Result<Expression, ExpressionError> {
    Expression::compile(text, &["body"], Functions::Texts)
}

fn evaluated(text: &str, body: &str) -> Result<Json, String> {
    let mut scope = Scope::new(Functions::Texts);
    scope.bind("body", Value::read(body).unwrap());
    compile(text).unwrap().evaluate(&mut scope)
}

#[test]
fn json_goes_through_an_expression_unchanged() {
    let body = r#"{"a":[1,-2,1.5,true,null,"t\n",{}],"b":{"c":"d"}}"#;
    assert_eq!(
        evaluated("body", body),
        serde_json::from_str(body).map_err(|_| String::new())
    );
}

#[test]
fn whole_numbers_beyond_an_int_stay_apart() {
    let body = r#"{"a":18446744073709551614,"b":18446744073709551615}"#;
    assert_eq!(evaluated("body.a", body), Ok(json!(u64::MAX - 1)));
    assert_eq!(evaluated("body.a == body.b", body), Ok(json!(false)));
    assert_eq!(evaluated("body.a > 5 && body.a > 5.5", body), Ok(json!(true)));
    assert_eq!(
        evaluated("string(body.b)", body),
        Ok(json!("18446744073709551615"))
    );
}

#[test]
fn an_optional_value_is_what_it_holds_or_null() {
    assert_eq!(evaluated("body.?a.?b", r#"{"a":{"b":1}}"#), Ok(json!(1)));
    assert_eq!(evaluated("body.?a.?b", r#"{"a":{}}"#), Ok(Json::Null));
    assert_eq!(evaluated("body.?b.orValue('none')", "{}"), Ok(json!("none")));
    assert_eq!(
        evaluated("[body.?a, body.?b]", r#"{"a":1}"#),
        Ok(json!([1, null]))
    );
}

#[test]
fn texts_can_be_taken_apart() {
    let body = r#"{"t":"env:prod, Team:Web"}"#;
    for (text, expected) in [
        ("body.t.split(', ')", json!(["env:prod", "Team:Web"])),
        ("body.t.lowerAscii().substring(10)", json!("team:web")),
        (
            "body.t.split(',').map(x, x.trim()).join(';')",
            json!("env:prod;Team:Web"),
        ),
        ("body.t.replace(':', '=')", json!("env=prod, Team=Web")),
        ("body.t.matches('^env:') ? 1 : 2", json!(1)),
    ] {
        assert_eq!(evaluated(text, body), Ok(expected), "{text}");
    }
}

#[test]
fn what_json_does_not_have_is_no_answer() {
    for (text, said) in [
        ("b'bytes'", "type bytes"),
        ("1.0 / 0.0", "not finite"),
        ("body.absent", "No such key: absent"),
    ] {
        let why = evaluated(text, "{}").unwrap_err();
        assert!(why.contains(said), "{text}: {why}");
    }
}

#[test]
fn a_path_is_names_and_literal_indexes() {
    let field = |name: &str| Step::Field(name.to_owned());
    for (text, steps) in [
        ("body", vec![field("body")]),
        ("body.a.b", vec![field("body"), field("a"), field("b")]),
        (
            "body.a[2].b",
            vec![field("body"), field("a"), Step::Index(2), field("b")],
        ),
        ("body['a-b']", vec![field("body"), field("a-b")]),
    ] {
        assert_eq!(compile(text).unwrap().path(), Some(&*steps), "{text}");
    }
    for text in [
        "has(body.a)",
        "body.?a",
        "body[body.a]",
        "body[-1]",
        "body.a + 1",
        "'t'",
        "body.a.size()",
    ] {
        assert_eq!(compile(text).unwrap().path(), None, "{text}");
    }
}

#[test]
fn an_expression_tells_what_it_mentions() {
    let mentions = |text: &str| -> Vec<String> {
        let expression = compile(text).unwrap();
        expression
            .mentions()
            .iter()
            .map(|mention| mention.fields.join("."))
            .collect()
    };
    assert_eq!(
        mentions("body.a.b == body.c.size() || has(body.d)"),
        ["a.b", "c", "d"]
    );
    assert_eq!(
        mentions("body.xs.exists(x, x.y == body.z) && body.z"),
        ["xs", "z"]
    );
    assert_eq!(mentions("size(body) + 'x'.size()"), [""]);
    assert_eq!(mentions("body.?a.?b.orValue(body.?c.d)"), ["a.b", "c.d"]);
}

#[test]
fn patterns_of_one_expression_are_not_those_of_another() {
    let mut scope = Scope::new(Functions::Texts);
    scope.bind("body", Value::text("abc"));
    for (text, expected) in [
        ("body.matches('^a')", true),
        ("body.matches('^b')", false),
        ("matches(body, 'c$')", true),
    ] {
        assert_eq!(
            compile(text).unwrap().evaluate(&mut scope),
            Ok(json!(expected)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_text_matches_nothing_and_says_so() {
    let why = evaluated("body.n.matches('1')", r#"{"n":1}"#).unwrap_err();
    assert_eq!(
        why,
        "found no matching overload for 'matches' applied to 'int.(string)'"
    );
    let why = evaluated("matches(body.n, '1')", r#"{"n":1}"#).unwrap_err();
    assert_eq!(
        why,
        "found no matching overload for 'matches' applied to '(int, string)'"
    );
}

#[test]
fn long_lists_and_objects_are_cut_and_say_so() {
    let list = format!("[{}0]", "0,".repeat(LIST_ITEMS));
    let value = Value::read(&list).unwrap();
    assert!(value.is_cut());
    assert_eq!(evaluated("size(body)", &list), Ok(json!(LIST_ITEMS)));
    let members: Vec<_> = (0..=LIST_ITEMS).map(|n| format!("\"{n}\":[]")).collect();
    let object = format!("{{\"a\":[{{{}}}]}}", members.join(","));
    assert!(Value::read(&object).unwrap().is_cut());
    assert!(!Value::read("[[],{}]").unwrap().is_cut());
}

/// `head`, as many `unit`s as fit in the bound, and `tail`.
fn filled(head: &str, unit: &str, tail: &str) -> String {
    let units = (EXPRESSION_BYTES - head.len() - tail.len()) / unit.len();
    format!("{head}{}{tail}", unit.repeat(units))
}

fn nested(open: &str, inner: &str, close: &str) -> String {
    format!(
        "{}{inner}{}",
        open.repeat(BRACKET_DEPTH),
        close.repeat(BRACKET_DEPTH)
    )
}

/// A failure of this test is no failed assertion: the stack overflows, and the process is aborted.
#[test]
fn the_largest_expressions_are_safe_on_a_small_stack() {
    let texts = [
        filled("1", "+1", ""),
        filled("1", "<1", ""),
        filled("true", "&&true", ""),
        filled("", "!", "true"),
        filled("", "-", "1"),
        filled("body", ".a", ""),
        filled("body", ".?a", ""),
        filled("body", "[0]", ""),
        filled("'a'", ".trim()", ""),
        filled("'a'", ".f()", ""),
        filled("", "true?1:", "1"),
        nested("(", "1", ")"),
        nested("[", "1", "]"),
        nested("{1:", "1", "}"),
        nested("size(", "1", ")"),
        nested("(true?1:", "1", ")"),
        nested("(1+1<!", "1", ")"),
        nested("('a'+1+1+1+1+1+1+1+1+1+", "1", ")"),
        nested("[1].map(a,", "a", ")"),
    ];
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let run = move || {
        let mut scope = Scope::new(Functions::Texts);
        scope.bind("body", Value::read(&deep).unwrap());
        let compiled = texts.iter().filter_map(|text| compile(text).ok());
        // Whether there is an answer matters not: only that the process lives to say so.
        compiled
            .map(|expression| expression.evaluate(&mut scope).is_ok())
            .count()
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    assert!(thread.unwrap().join().unwrap() > 10, "most of them compile");
}
