//! temp
use domain::redact::Redactor;
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap(); s.split(' ').next().unwrap().parse::<f64>().unwrap()/1e6 }
fn main() {
    let r = Redactor::new().unwrap();
    let only = std::env::args().nth(1);
    let size: usize = std::env::args().nth(2).map_or(1<<20, |s| s.parse().unwrap());
    let mut units: Vec<String> = ["@", ":/@", "a://", "a:/@ ", "a://b:c", "x:/b:c@", "password=x ", "token: a", "token: expired ", "authorization:", "authorization: a ", "cookie:", "cookie: a", "cookie: a=b;", "password", "token", "a", "a.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "eyJ", "eyJhbGciOiJI.", "eyJhbGciOiJI.a.b", "bearer ", "bearer a", "hooks.slack.com/services/", "\\u0061", "\\u00", "\\", "\"", "x-amz-signature=", "sk-ant-", "AKIA", "ghp_", "password='", "password=\\\"", "password=\"", "password\\\\", "secret=a-b ", "secret=a ", "token=", "token:", "token=token=", "é", "password:  ", "token:\n", "secret: \"\\", "[redacted", "password=[redacted] ", "authorization: a-a-a-a-a-a ", "bearer abcdefghijklmnop ","password: token: ", "token: a token=b ", "token:a:a", "{\"token\":", "[\"token: a\","].iter().map(|s| s.to_string()).collect();
    units.push("token:".to_string() + &" ".repeat(1000));
    units.push("authorization".to_string() + &"\\".repeat(1000));
    units.push("a".repeat(2000)+"://");
    units.push("cookie: ".to_string()+&"x".repeat(3000));
    for u in &units {
        if let Some(o) = &only && o != u && o != "all" { continue; }
        let body = u.repeat(size / u.len());
        let a = cpu(); let m = r.may_contain_secret(body.as_bytes());
        let b = cpu(); let t = r.text(&body).len();
        let c = cpu(); let l = r.bytes_as_text(body.as_bytes()).len();
        let d = cpu();
        let short: String = u.chars().take(30).collect();
        println!("{short:?} {m} prefilter {:.1} text {:.1} bytes {:.1} ms ({t},{l})", b-a, c-b, d-c);
    }
}
