//! temp
use domain::redact::Redactor;
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap(); s.split(' ').next().unwrap().parse::<f64>().unwrap()/1e6 }
fn main() {
    let r = Redactor::new().unwrap();
    let only = std::env::args().nth(1);
    let size: usize = std::env::args().nth(2).map_or(1<<20, |s| s.parse().unwrap());
    let mut units: Vec<String> = ["@", ":/@", "a://", "a:/@ ", "a://b:c", "x:/b:c@", "password=x ", "token: a", "token: expired ", "authorization:", "authorization: a ", "cookie:", "cookie: a", "cookie: a=b;", "password", "token", "a", "a.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "eyJ", "eyJhbGciOiJI.", "eyJhbGciOiJI.a.b", "bearer ", "bearer a", "hooks.slack.com/services/", "\\u0061", "\\u00", "\\", "\"", "x-amz-signature=", "sk-ant-", "AKIA", "ghp_", "password='", "password=\\\"", "password=\"", "password\\\\", "secret=a-b ", "secret=a ", "token=", "token:", "token=token=", "é", "password:  ", "token:\n", "secret: \"\\", "[redacted", "password=[redacted] ", "authorization: a-a-a-a-a-a ", "bearer abcdefghijklmnop ","token:a=", "password=/", "secret:a=", "token=${", "password=\"/", "a://b:[redacted@", "cookie:a=b\n", "authorization:abcde1 ", "bearer abcdefghijkl1 ", "AKIAABCDEFGH23456789 ", "https://hooks.slack.com/services/a/b/c/d/e ", "x-amz-signature=abcdefghijklmnop ", "sk-ant-abcdefghijklmnop ", "eyJabcdefgh.. ", "a://b:c@d ", "\"password\":[", "\"password\":[\"a\"],", "password: token: ", "token: a token=b ", "token:a:a", "{\"token\":", "[\"token: a\","].iter().map(|s| s.to_string()).collect();
    units.push("token:".to_string() + &" ".repeat(1000));
    units.push("authorization".to_string() + &"\\".repeat(1000));
    units.push("a".repeat(2000)+"://");
    units.push("cookie: ".to_string()+&"x".repeat(3000));
    // Random shards: do the lazy automata thrash?
    let shards = ["password","Pwd","token","secret","api-key","AKIA","ghp_","eyJ","Bearer ","authorization","Basic ","cookie","://",":/","@","=",":"," ","\"","\\\"","'","\\","\n",";",".","-----BEGIN ","PRIVATE KEY-----","[redacted","]","é","\\u0061","xoxb-","ABCDEFGH23456789","AIza","npm_","hvs.","x-amz-signature=","github_pat_","sk_live_","sk-proj-","hooks.slack.com/services/","a","b","Z","9","-","_","abc","\u{2003}","漢"];
    for seed in 1..6u64 {
        let mut x = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1; let mut s = String::new();
        while s.len() < size { x ^= x << 13; x ^= x >> 7; x ^= x << 17; 
            if seed % 2 == 0 { s.push_str(shards[(x % shards.len() as u64) as usize]); } else { s.push_str(shards[(x % shards.len() as u64) as usize]); for i in 0..(x>>32)%30 { s.push((b'A' + ((x >> (i % 40)) % 57) as u8) as char); } } }
        units.push(s);
    }
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
