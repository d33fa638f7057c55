//! Slack's Web API, as far as a bot that tells people uses it: `chat.postMessage`, `chat.update`, `conversations.history`,
//! `conversations.replies`. Arguments, scopes and limits as docs.slack.dev has them.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{Answer, Request, Service};

/// Blocks of a message.
const BLOCKS: usize = 50;
/// Characters of a message's text.
const TEXT: usize = 40_000;
/// Characters of all blocks together: not documented, met in practice.
const ALL_BLOCKS: usize = 13_200;
/// The channel that exists.
pub const CHANNEL: &str = "C0SHOP12345";
/// Its name.
pub const CHANNEL_NAME: &str = "#shop";

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub ts: String,
    /// The message that it answers.
    pub thread: Option<String>,
    /// What it was posted with, or last brought up to date to.
    pub body: Map<String, Value>,
    /// How often it was brought up to date.
    pub updates: usize,
}

impl Message {
    /// All texts of its blocks, a line each.
    pub fn shown(&self) -> String {
        let mut lines = Vec::new();
        for block in self
            .body
            .get("blocks")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let texts = block.get("text").into_iter();
            let fields = block
                .get("fields")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            lines.extend(texts.chain(fields).filter_map(|text| text.get("text")?.as_str()));
        }
        lines.join("\n")
    }
}

/// Slack with one workspace, one bot and one channel.
#[derive(Debug)]
pub struct Slack {
    token: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    refused: Vec<String>,
    calls: Vec<String>,
}

impl Slack {
    /// A workspace whose bot has this token.
    pub fn new(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            state: Mutex::default(),
        }
    }

    /// All messages, in the order in which they were posted.
    pub fn messages(&self) -> Vec<Message> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .messages
            .clone()
    }

    /// The messages that are no answers, with their threads.
    pub fn threads(&self) -> Vec<(Message, Vec<Message>)> {
        let all = self.messages();
        let roots = all.iter().filter(|message| message.thread.is_none());
        let answers = |root: &Message| {
            all.iter()
                .filter(|message| message.thread.as_ref() == Some(&root.ts))
                .cloned()
                .collect()
        };
        roots.map(|root| (root.clone(), answers(root))).collect()
    }

    /// Why calls were refused: method and word.
    pub fn refused(&self) -> Vec<String> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .refused
            .clone()
    }

    /// The methods that were called.
    pub fn calls(&self) -> Vec<String> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .calls
            .clone()
    }

    fn call(&self, method: &str, request: &Request, state: &mut State) -> Result<Value, String> {
        let bearer = format!("Bearer {}", self.token);
        match request.headers.get("authorization") {
            None => return Err("not_authed".to_owned()),
            Some(given) if *given != bearer => return Err("invalid_auth".to_owned()),
            Some(_) => {}
        }
        match method {
            "chat.postMessage" => post(&body(request)?, state),
            "chat.update" => update(&body(request)?, state),
            "conversations.history" => list(request, None, state),
            "conversations.replies" => {
                let thread = request.query.get("ts").cloned().ok_or("invalid_arguments: ts")?;
                list(request, Some(&thread), state)
            }
            _ => Err("unknown_method".to_owned()),
        }
    }
}

impl Service for Slack {
    fn answer(&self, request: &Request) -> Answer {
        let method = request.path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls.push(method.clone());
        let answer = match self.call(&method, request, &mut state) {
            Ok(mut answer) => {
                if let Some(members) = answer.as_object_mut() {
                    members.insert("ok".to_owned(), json!(true));
                }
                answer
            }
            Err(word) => {
                state.refused.push(format!("{method}: {word}"));
                let (error, more) = word.split_once(": ").unwrap_or((&word, ""));
                json!({"ok": false, "error": error, "response_metadata": {"messages": [more]}})
            }
        };
        super::json(200, &answer)
    }
}

fn body(request: &Request) -> Result<Map<String, Value>, String> {
    if request.method != "POST" {
        return Err(format!("invalid_post_type: {}", request.method));
    }
    let kind = request
        .headers
        .get("content-type")
        .map(String::as_str)
        .unwrap_or_default();
    if kind != "application/json; charset=utf-8" {
        return Err(format!("invalid_post_type: content-type {kind}"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err("invalid_json".to_owned()),
    }
}

/// Refuses members that the method does not know.
fn known(body: &Map<String, Value>, names: &[&str]) -> Result<(), String> {
    match body.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(format!("invalid_arguments: {name}")),
        None => Ok(()),
    }
}

fn member<'b>(body: &'b Map<String, Value>, name: &str) -> Result<&'b str, String> {
    let value = body.get(name).and_then(Value::as_str);
    value
        .filter(|value| !value.is_empty())
        .ok_or(format!("invalid_arguments: {name}"))
}

fn post(body: &Map<String, Value>, state: &mut State) -> Result<Value, String> {
    known(
        body,
        &[
            "channel",
            "text",
            "blocks",
            "metadata",
            "thread_ts",
            "unfurl_links",
            "unfurl_media",
        ],
    )?;
    if ![CHANNEL, CHANNEL_NAME].contains(&member(body, "channel")?) {
        return Err("channel_not_found".to_owned());
    }
    check_content(body)?;
    let thread = body
        .get("thread_ts")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned);
    if let Some(thread) = &thread
        && !state.messages.iter().any(|message| message.ts == *thread)
    {
        return Err("thread_not_found".to_owned());
    }
    let now = jiff::Timestamp::now();
    // Unique in the channel.
    let ts = format!("{}.{:06}", now.as_second(), state.messages.len());
    let mut body = body.clone();
    body.insert("channel".to_owned(), json!(CHANNEL));
    state.messages.push(Message {
        ts: ts.clone(),
        thread,
        body,
        updates: 0,
    });
    Ok(json!({"channel": CHANNEL, "ts": ts}))
}

fn update(body: &Map<String, Value>, state: &mut State) -> Result<Value, String> {
    known(body, &["channel", "ts", "text", "blocks", "metadata"])?;
    // This method takes no name.
    if member(body, "channel")? != CHANNEL {
        return Err("channel_not_found".to_owned());
    }
    check_content(body)?;
    let ts = member(body, "ts")?;
    let message = state.messages.iter_mut().find(|message| message.ts == ts);
    let message = message.ok_or("message_not_found")?;
    for name in ["text", "blocks"] {
        if let Some(value) = body.get(name) {
            message.body.insert(name.to_owned(), value.clone());
        }
    }
    message.updates += 1;
    Ok(json!({"channel": CHANNEL, "ts": ts}))
}

fn list(request: &Request, thread: Option<&str>, state: &State) -> Result<Value, String> {
    let names = [
        "channel",
        "ts",
        "oldest",
        "inclusive",
        "include_all_metadata",
        "limit",
        "cursor",
    ];
    if let Some(name) = request.query.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("invalid_arguments: {name}"));
    }
    let given = |name: &str| request.query.get(name).map(String::as_str).unwrap_or_default();
    if given("channel") != CHANNEL {
        return Err("channel_not_found".to_owned());
    }
    let limit: usize = given("limit").parse().map_err(|_| "invalid_limit")?;
    let oldest: f64 = given("oldest").parse().map_err(|_| "invalid_ts_oldest")?;
    let from: usize = given("cursor").parse().unwrap_or(0);
    let of_list = |message: &&Message| match thread {
        Some(thread) => message.ts == thread || message.thread.as_deref() == Some(thread),
        None => message.thread.is_none(),
    };
    let mut all: Vec<&Message> = state
        .messages
        .iter()
        .filter(of_list)
        .filter(|message| message.ts.parse::<f64>().is_ok_and(|ts| ts >= oldest))
        .collect();
    if thread.is_some() && all.is_empty() {
        return Err("thread_not_found".to_owned());
    }
    if thread.is_none() {
        all.reverse();
    }
    let page: Vec<Value> = all
        .iter()
        .skip(from)
        .take(limit)
        .map(|message| shown(message, given("include_all_metadata")))
        .collect();
    let next = if from + limit < all.len() {
        (from + limit).to_string()
    } else {
        String::new()
    };
    Ok(json!({"messages": page, "has_more": !next.is_empty(), "response_metadata": {"next_cursor": next}}))
}

fn shown(message: &Message, with_metadata: &str) -> Value {
    let mut body = message.body.clone();
    body.insert("ts".to_owned(), json!(message.ts));
    if with_metadata != "true" {
        body.remove("metadata");
    }
    Value::Object(body)
}

fn check_content(body: &Map<String, Value>) -> Result<(), String> {
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.chars().count() > TEXT {
        return Err("msg_too_long".to_owned());
    }
    let blocks = body.get("blocks").and_then(Value::as_array);
    if text.is_empty() && blocks.is_none() {
        return Err("no_text".to_owned());
    }
    if let Some(metadata) = body.get("metadata") {
        let named = metadata
            .get("event_type")
            .and_then(Value::as_str)
            .is_some_and(|name| !name.is_empty());
        if !named || !metadata.get("event_payload").is_some_and(Value::is_object) {
            return Err("invalid_metadata_format".to_owned());
        }
    }
    let blocks = blocks.map(Vec::as_slice).unwrap_or_default();
    if blocks.len() > BLOCKS {
        return Err("invalid_blocks: no more than 50 items allowed".to_owned());
    }
    let mut characters = 0;
    for block in blocks {
        characters += check_block(block).map_err(|why| format!("invalid_blocks: {why} in {block}"))?;
    }
    if characters > ALL_BLOCKS {
        return Err("msg_blocks_too_long".to_owned());
    }
    Ok(())
}

/// Gives the characters of its texts.
fn check_block(block: &Value) -> Result<usize, String> {
    let members = block.as_object().ok_or("not an object")?;
    match block.get("type").and_then(Value::as_str) {
        Some("header") => {
            known(members, &["type", "text", "block_id"])?;
            if block.pointer("/text/type") != Some(&json!("plain_text")) {
                return Err("a header is plain_text".to_owned());
            }
            check_text(block.get("text"), 150)
        }
        Some("section") => {
            known(members, &["type", "text", "fields", "block_id"])?;
            let fields = block.get("fields").and_then(Value::as_array);
            if fields.is_none() && block.get("text").is_none() {
                return Err("a section has text or fields".to_owned());
            }
            let text = block
                .get("text")
                .map_or(Ok(0), |text| check_text(Some(text), 3000))?;
            let fields = fields.map(Vec::as_slice).unwrap_or_default();
            if fields.len() > 10 || (fields.is_empty() && text == 0) {
                return Err(format!("{} fields", fields.len()));
            }
            fields
                .iter()
                .try_fold(text, |sum, field| Ok(sum + check_text(Some(field), 2000)?))
        }
        other => Err(format!("type {other:?}")),
    }
}

fn check_text(text: Option<&Value>, most: usize) -> Result<usize, String> {
    let members = text.and_then(Value::as_object).ok_or("no text")?;
    match members.get("type").and_then(Value::as_str) {
        Some("plain_text") => known(members, &["type", "text", "emoji"])?,
        Some("mrkdwn") => known(members, &["type", "text", "verbatim"])?,
        other => return Err(format!("text of type {other:?}")),
    }
    let length = members
        .get("text")
        .and_then(Value::as_str)
        .map(|text| text.chars().count());
    match length {
        Some(length) if (1..=most).contains(&length) => Ok(length),
        other => Err(format!("a text of {other:?} characters, from 1 to {most}")),
    }
}
