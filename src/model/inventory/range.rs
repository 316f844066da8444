//! Ranges of hosts: `is-[1:4]`, `is-[01:10].example.com`, `192.168.2.1-4`.

/// The most hosts that one range may name; beyond it a typing mistake is likelier than a cluster.
const LONGEST: u64 = 1000;

/// Why a range can't be spread out: what is wrong, and what to write.
pub(super) type RangeError = (String, &'static str);

/// The names that a text with or without `[FIRST:LAST]` stands for.
pub(super) fn names(text: &str) -> Result<Vec<String>, RangeError> {
    let Some((before, rest)) = text.split_once('[') else {
        return match text.contains(']') {
            true => Err((format!("`{text}` has a `]` without a `[`"), FORM)),
            false => Ok(vec![text.to_owned()]),
        };
    };
    let Some((range, after)) = rest.split_once(']') else {
        return Err((format!("`{text}` has a `[` without a `]`"), FORM));
    };
    if after.contains(['[', ']']) {
        return Err((format!("`{text}` has more than one range"), "write one entry for each value of the first range"));
    }
    let Some((first, last)) = range.split_once(':') else {
        return Err((format!("`[{range}]` is not a range"), FORM));
    };
    spread(before, first, last, after)
}

/// The addresses that a text stands for: as [`names`], and `192.168.2.1-4`.
pub(super) fn addresses(text: &str) -> Result<Vec<String>, RangeError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if bracketed.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()) {
        return Ok(vec![text.to_owned()]);
    }
    let Some((before, last)) = text.split_once('-') else {
        return names(text);
    };
    let octets: Vec<&str> = before.split('.').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if octets.len() != 4 || !octets.iter().all(digits) {
        return names(text);
    }
    if last.parse::<u8>().is_err() {
        return Err((
            format!("`{text}` does not end in a number up to 255"),
            "write the first address, `-` and the last number, such as `192.168.2.1-4`",
        ));
    }
    spread(&format!("{}.", octets[..3].join(".")), octets[3], last, "")
}

const FORM: &str = "write a range as `[FIRST:LAST]`, such as `is-[1:4]` or `is-[01:10]`";

fn spread(before: &str, first: &str, last: &str, after: &str) -> Result<Vec<String>, RangeError> {
    let whole = format!("{first}:{last}");
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits)
    };
    let (Some(from), Some(to)) = (number(first), number(last)) else {
        return Err((format!("the range `{whole}` is not made of two numbers"), FORM));
    };
    if from > to {
        return Err((format!("the range `{whole}` runs backwards"), "write the smaller number first"));
    }
    if to - from >= LONGEST {
        return Err((format!("the range `{whole}` names more than {LONGEST} hosts"), "check its last number"));
    }
    let padded = first.len() > 1 && first.starts_with('0');
    if padded && first.len() != last.len() || (!padded && last.len() > 1 && last.starts_with('0')) {
        return Err((
            format!("the ends of the range `{whole}` are not padded alike"),
            "write both with the same number of digits, such as `[01:10]`, or none with zeros",
        ));
    }
    let width = if padded { first.len() } else { 0 };
    Ok((from..=to).map(|number| format!("{before}{number:0width$}{after}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_spread_out() {
        assert_eq!(names("is-1").unwrap(), ["is-1"]);
        assert_eq!(names("is-[1:3]").unwrap(), ["is-1", "is-2", "is-3"]);
        assert_eq!(names("is-[09:11]x").unwrap(), ["is-09x", "is-10x", "is-11x"]);
        assert_eq!(names("is-[9:11]").unwrap(), ["is-9", "is-10", "is-11"]);
        assert_eq!(names("is-[0:1]").unwrap(), ["is-0", "is-1"]);
        assert_eq!(addresses("192.168.2.9-11").unwrap(), ["192.168.2.9", "192.168.2.10", "192.168.2.11"]);
        assert_eq!(addresses("fd00::[1:2]").unwrap(), ["fd00::1", "fd00::2"]);
        assert_eq!(addresses("is-1-4.example.com").unwrap(), ["is-1-4.example.com"]);
        assert_eq!(names("is-[1:1000]").unwrap().len(), 1000);
    }

    #[test]
    fn a_bad_range_is_refused() {
        for bad in [
            "is-[]",
            "is-[1]",
            "is-[1:]",
            "is-[:4]",
            "is-[a:d]",
            "is-[4:1]",
            "is-[1:1001]",
            "is-[01:100]",
            "is-[1:04]",
            "is-[1:2",
            "is-1:2]",
            "is-[1:2]-[1:2]",
            "is-[1-4]",
            "is-[-1:4]",
            "is-[1:99999999999999999999]",
            "is-[+1:2]",
        ] {
            assert!(names(bad).is_err(), "{bad}");
        }
        for bad in ["192.168.2.1-", "192.168.2.1-300", "192.168.2.4-1", "192.168.2.1-192.168.2.4"] {
            assert!(addresses(bad).is_err(), "{bad}");
        }
    }
}
