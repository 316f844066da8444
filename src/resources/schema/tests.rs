use super::*;

fn schema(separator: Separator) -> Schema {
    let script = |path: &str, required| SchemaScript { paths: vec![path.parse().unwrap()], required };
    Schema {
        name: "shared_db".into(),
        url: "jdbc:mysql://db/SHARED".into(),
        driver: "com.mysql.cj.jdbc.Driver".into(),
        user: "wso2".into(),
        password: Arc::new(Secret::new("open sesame".into())),
        scripts: vec![
            script("/opt/is/dbscripts/mysql.sql", true),
            script("/opt/is/dbscripts/consent/mysql.sql", false),
        ],
        separator,
        make: "CREATE DATABASE SHARED".into(),
        java_home: None,
        drivers: "/opt/is/lib".parse().unwrap(),
        grounds: Vec::new(),
    }
}

fn encode(text: &str) -> String {
    base64ct::Base64::encode_string(text.as_bytes())
}

const SCRIPT: &str = "CREATE TABLE A (X INT);\nCREATE TABLE B (X INT);\nCREATE TABLE C (X INT);";

fn told(scripts: &[&str], tables: &[&str]) -> Result<Assessment, AssessError> {
    let mut text: String =
        scripts.iter().map(|script| format!("script {} {}\n", encode("/x.sql"), encode(script))).collect();
    text.extend(tables.iter().map(|table| format!("table {}\n", encode(table))));
    text += "connected\n";
    assess(&text)
}

fn assess(text: &str) -> Result<Assessment, AssessError> {
    schema(Separator::Semicolon).assess(Seen { stdout: text.as_bytes(), stderr: b"", status: 0 })
}

#[test]
fn an_empty_database_is_filled_and_a_whole_one_is_left() {
    let empty = told(&[SCRIPT], &[]).unwrap();
    assert_eq!(empty.changes, [Change::new("make 3 tables as /x.sql says")]);
    assert_eq!(empty.because, "the database is empty");
    assert!(empty.mend.text().contains(&format!("\nabsent {}\n", encode("B"))));
    let whole = told(&[SCRIPT], &["A", "B", "C", "OTHER"]).unwrap();
    assert!(whole.is_in_place() && whole.mend.is_empty() && whole.warnings.is_empty());
}

#[test]
fn what_is_half_made_is_refused_and_what_is_missing_is_named() {
    let error = told(&[SCRIPT], &["A", "C"]).unwrap_err();
    assert_eq!(error.code, "schema-half-made");
    assert!(error.cause.ends_with("of the 3 tables of /x.sql, 1 are missing: B"), "{}", error.cause);
}

#[test]
fn each_script_is_told_by_itself() {
    let second = told(&[SCRIPT, "CREATE TABLE CM (X INT);"], &["A", "B", "C"]).unwrap();
    assert_eq!(second.changes.len(), 1);
    assert!(!second.mend.text().contains(&encode("CREATE TABLE A (X INT)")), "the first script is not run again");
    assert!(second.mend.text().contains(&encode("CREATE TABLE CM (X INT)")));
}

#[test]
fn tables_of_something_else_are_told_and_left() {
    let foreign = told(&[SCRIPT], &["OTHER"]).unwrap();
    assert_eq!(foreign.warnings, ["the database of shared_db holds 1 tables of something else"]);
    assert_eq!(foreign.because, "tables are missing");
}

#[test]
fn a_script_that_is_not_there_counts_where_the_product_must_have_it() {
    assert_eq!(assess("script\nscript\nconnected\n").unwrap_err().code, "schema-script-missing");
    let optional = format!("script {} {}\nscript\nconnected\n", encode("/x.sql"), encode(SCRIPT));
    assert_eq!(assess(&optional).unwrap().changes.len(), 1);
    assert_eq!(told(&["INSERT INTO A VALUES (1);"], &[]).unwrap_err().code, "schema-script-refused");
    assert_eq!(told(&["CREATE TABLE A (X INT);\nDELETE FROM B"], &[]).unwrap_err().code, "schema-script-refused");
}

#[test]
fn an_answer_that_broke_off_is_not_an_empty_database() {
    for text in ["", "script\n", &format!("table {}\n", encode("A"))] {
        assert_eq!(assess(text).unwrap_err().code, "schema-cannot-look", "{text}");
    }
    assert_eq!(assess("driver  0 \n").unwrap_err().code, "schema-driver-missing");
}

#[test]
fn the_password_is_in_no_argument() {
    let mut script = Script::new();
    schema(Separator::Semicolon).probe(&mut script);
    let secret = format!("password {}", encode("open sesame"));
    let lines: Vec<&str> = script.text().lines().filter(|line| line.contains(&encode("open sesame"))).collect();
    assert_eq!(lines, [secret.as_str()], "it stands only in the text that is standard input");
    assert!(!script.text().contains("open sesame"));
}

#[test]
fn the_class_is_of_this_source() {
    let noted = include_str!("Schema.sha256");
    for (name, content) in [("Schema.java", &include_bytes!("Schema.java")[..]), ("Schema.class", CLASS)] {
        let digest = crate::model::Sha256::of(content).to_string();
        assert!(
            noted.contains(&format!("{digest}  {name}\n")),
            "run src/resources/schema/compile.sh: {name} has changed"
        );
    }
    // The format of Java 8, which every supported product's runtime reads.
    assert_eq!(CLASS[..8], [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 52]);
}
