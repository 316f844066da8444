use super::*;
use crate::model::profile::Separator;
use crate::resources::schema::split::split;

fn screened(script: &str, separator: Separator) -> Result<Screened, Forbidden> {
    screen(split(script, separator))
}

fn texts(screened: &Screened) -> Vec<&str> {
    screened.run.iter().map(|(_, statement)| statement.text.as_str()).collect()
}

#[test]
fn drops_are_left_out_and_the_rest_keeps_its_numbers() {
    let script = "DROP TABLE IF EXISTS A;\nDROP SEQUENCE IF EXISTS S;\nCREATE SEQUENCE S;\nCREATE TABLE IF NOT EXISTS a (X INT);\n\
                  DROP TABLE B;\nCREATE TABLE \"public\".\"B\" (X INT);\nCOMMIT;\nALTER TABLE A ADD CONSTRAINT C FOREIGN KEY (X) REFERENCES B (X) ON DELETE CASCADE;";
    let screened = screened(script, Separator::Semicolon).unwrap();
    assert_eq!(screened.tables, ["A", "B"]);
    assert_eq!(screened.skipped, 4);
    let numbers: Vec<usize> = screened.run.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [3, 4, 6, 8]);
}

#[test]
fn sql_server_s_guarded_drop_of_an_index_goes_and_what_makes_it_stays() {
    let script = "IF NOT EXISTS (SELECT * FROM X)\nCREATE TABLE [dbo].[A] (X INT);\n\
                  IF EXISTS (SELECT NAME FROM SYSINDEXES WHERE NAME = 'CREATED')\nDROP INDEX A.CREATED\nCREATE INDEX CREATED ON A(X);\n\
                  IF EXISTS (SELECT NAME FROM SYSINDEXES WHERE NAME = 'J') DROP INDEX A.J;";
    let screened = screened(script, Separator::Go).unwrap();
    assert_eq!(screened.tables, ["A"]);
    assert_eq!(texts(&screened)[1..], ["CREATE INDEX CREATED ON A(X)"]);
    assert_eq!(screened.skipped, 1);
}

#[test]
fn what_takes_away_or_touches_something_else_is_refused() {
    let own = "CREATE TABLE A (X INT);\n";
    for statement in [
        "DROP TABLE B",
        "DROP DATABASE X",
        "TRUNCATE TABLE A",
        "DELETE FROM A",
        "UPDATE A SET X = 1",
        "ALTER TABLE B ADD Y INT",
        "ALTER TABLE A DROP COLUMN X",
        "ALTER DATABASE X CHARACTER SET utf8",
        "CREATE DATABASE X",
        "CREATE USER X",
        "CREATE OR REPLACE TABLE B (X INT)",
        "GRANT ALL ON A TO X",
        "USE X",
        "SET GLOBAL sql_mode = ''",
        "CALL X()",
        "IF EXISTS (SELECT 1) DELETE FROM A",
    ] {
        let refused = screened(&format!("{own}{statement};"), Separator::Semicolon).unwrap_err();
        assert_eq!((refused.number, refused.line), (2, 2), "{statement}");
    }
}

#[test]
fn stored_programs_may_delete_later() {
    let script =
        "CREATE TABLE A (X INT);\nCREATE TRIGGER T ON A INSTEAD OF DELETE AS BEGIN DELETE FROM A; DELETE FROM A END;";
    let screened = screened(script, Separator::Go).unwrap();
    assert_eq!((screened.tables.len(), screened.run.len()), (1, 2));
}
