use super::*;

fn texts(script: &str, separator: Separator) -> Vec<String> {
    split(script, separator).into_iter().map(|statement| statement.text).collect()
}

#[test]
fn semicolons_in_quotes_and_comments_end_nothing() {
    let script = "-- all; of it\nCREATE TABLE A (X VARCHAR(9) DEFAULT 'a;''b', -- not; here\n Y INT); /* nor; here */\n\
                  # a comment; too\nINSERT INTO A VALUES ('it\\'s; one', \"--x\");;\n\n  CREATE INDEX `I;J` ON A(X)";
    let found = split(script, Separator::Semicolon);
    let lines: Vec<usize> = found.iter().map(|statement| statement.line).collect();
    assert_eq!(lines, [2, 5, 7]);
    let texts: Vec<&str> = found.iter().map(|statement| statement.text.as_str()).collect();
    assert_eq!(texts[0], "CREATE TABLE A (X VARCHAR(9) DEFAULT 'a;''b', \n Y INT)");
    assert_eq!(texts[1], "INSERT INTO A VALUES ('it\\'s; one', \"--x\")");
    assert_eq!(texts[2], "CREATE INDEX `I;J` ON A(X)");
}

#[test]
fn the_client_s_delimiter_is_obeyed_and_not_sent() {
    let script = "CREATE TABLE A (X INT);\nDELIMITER $$\nCREATE TRIGGER T BEFORE INSERT ON A FOR EACH ROW\nBEGIN\n  \
                  SET NEW.X = 1;\n  SET @y = 2;\nEND$$\nDELIMITER ;\nINSERT INTO A VALUES (1);\n";
    let texts = texts(script, Separator::Semicolon);
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[1].starts_with("CREATE TRIGGER") && texts[1].ends_with("SET @y = 2;\nEND"), "{}", texts[1]);
}

#[test]
fn a_body_between_dollars_is_one_with_its_statement() {
    let script = "CREATE OR REPLACE FUNCTION F() RETURNS TRIGGER AS $$\nBEGIN\n  NEW.X := 1;\n  RETURN NEW;\nEND;\n$$ LANGUAGE plpgsql;\n\
                  CREATE FUNCTION G() RETURNS INT AS $body$ SELECT 1; $$;$$ $body$ LANGUAGE sql;\nCREATE TABLE A (X INT DEFAULT 1)";
    let texts = texts(script, Separator::Semicolon);
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].ends_with("LANGUAGE plpgsql") && texts[1].ends_with("LANGUAGE sql"));
}

#[test]
fn oracle_s_slashes_and_semicolons_outside_of_blocks_end_statements() {
    let script = "CREATE TABLE A (\r\n X INTEGER DEFAULT 4/2)\r\n/\r\nCREATE OR REPLACE TRIGGER T\r\n BEFORE INSERT ON A\r\n BEGIN\r\n  \
                  SELECT S.nextval INTO :NEW.X FROM dual;\r\n END;\r\n/\t  \r\n/\r\nINSERT INTO A VALUES (1);\r\nINSERT INTO A VALUES (2)\r\n/\r\n";
    let texts = texts(script, Separator::Slash);
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(texts[0].ends_with("4/2)") && texts[1].ends_with("END;"), "{texts:?}");
    assert_eq!(texts[2..], ["INSERT INTO A VALUES (1)", "INSERT INTO A VALUES (2)"]);
}

#[test]
fn db2_s_slash_ends_a_line() {
    let script = "CREATE TABLE A(\n X DECIMAL(31,0))/\nCREATE SEQUENCE S AS DECIMAL(27,0)\n NO CACHE/\n\
                  CREATE TRIGGER T NO CASCADE BEFORE INSERT ON A\nREFERENCING NEW AS NEW FOR EACH ROW MODE DB2SQL\n\n\
                  BEGIN ATOMIC\n SET (NEW.X)\n  = (NEXTVAL FOR S);\n\nEND/\n";
    let texts = texts(script, Separator::Slash);
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[2].ends_with("(NEXTVAL FOR S);\n\nEND"), "{}", texts[2]);
}

#[test]
fn go_and_semicolons_outside_of_blocks_end_statements_of_sql_server() {
    let script = "IF NOT EXISTS (SELECT * FROM SYS.OBJECTS WHERE OBJECT_ID = OBJECT_ID(N'[DBO].[A]'))\nCREATE TABLE A ([X;Y] INT);\n\
                  GO\nCREATE TRIGGER T ON A INSTEAD OF DELETE AS BEGIN DELETE FROM B; DELETE FROM C END;\n\ngo\n\
                  IF NOT EXISTS (SELECT * FROM A)\nBEGIN\n INSERT INTO A VALUES (CASE WHEN 1=1 THEN 1 END);\n INSERT INTO A VALUES (2);\nEND;\n\
                  BEGIN TRANSACTION;\nINSERT INTO A VALUES (3)\nCREATE TABLE GOING (X INT)";
    let texts = texts(script, Separator::Go);
    assert_eq!(texts.len(), 5, "{texts:?}");
    assert!(texts[1].starts_with("CREATE TRIGGER") && texts[1].ends_with("END"), "{}", texts[1]);
    assert!(texts[2].ends_with("VALUES (2);\nEND"), "{}", texts[2]);
    assert_eq!(texts[3], "BEGIN TRANSACTION");
}

#[test]
fn what_mysql_runs_inside_a_comment_stays() {
    let texts =
        texts("/*!40101 SET NAMES utf8 */;\n/* plain */ CREATE TABLE A (X INT) /*!50100 x */;", Separator::Semicolon);
    assert_eq!(texts, ["/*!40101 SET NAMES utf8 */", "CREATE TABLE A (X INT) /*!50100 x */"]);
}

#[test]
fn any_end_of_a_script_is_an_end() {
    for script in ["", ";", "--", "/*", "'", "CREATE TABLE A (X INT) -- end", "é", "$x", "$$", "GO", "/"] {
        for separator in [Separator::Semicolon, Separator::Slash, Separator::Go] {
            assert!(split(script, separator).len() <= 1, "{script}");
        }
    }
}
