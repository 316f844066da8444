import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/**
 * Looks at one database through the product's own driver, or runs statements in it.
 *
 * <p>The request comes on standard input as lines of a word and a value in base64: nothing of it is ever an argument, a
 * variable of the environment or a file. `look` prints the scripts that are there and the tables; `make` runs statements.
 * Java 8, one class without inner ones, so that it is one file.
 */
public class Schema {
    private static final int SECONDS_TO_LOG_IN = 15;
    private static final int SECONDS_TO_LOOK = 45;

    private final List<String[]> scripts = new ArrayList<>();
    private final List<String> statements = new ArrayList<>();
    private final List<String> places = new ArrayList<>();
    private final TreeSet<String> absent = new TreeSet<>();
    private String url = "";
    private String user = "";
    private String password = "";
    private String driver = "";

    public static void main(String[] words) throws Exception {
        Schema schema = new Schema();
        schema.read();
        // A server that accepts and never answers must not hold the host for ever. No statement is bound by time.
        if (words[0].equals("look")) {
            Thread watch = new Thread(() -> {
                try {
                    Thread.sleep(SECONDS_TO_LOOK * 1000L);
                } catch (InterruptedException never) {
                    return;
                }
                print("failed", "08001", "0", "the server did not answer within " + SECONDS_TO_LOOK + " s");
                System.out.flush();
                Runtime.getRuntime().halt(0);
            });
            watch.setDaemon(true);
            watch.start();
            schema.look();
        } else {
            schema.make();
        }
        System.out.flush();
        // A driver may have left a thread behind that keeps the machine alive.
        Runtime.getRuntime().halt(0);
    }

    private void read() throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.ISO_8859_1));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int blank = line.indexOf(' ');
            if (blank < 0) {
                continue;
            }
            String value = new String(Base64.getDecoder().decode(line.substring(blank + 1)), StandardCharsets.UTF_8);
            switch (line.substring(0, blank)) {
                case "url": url = value; break;
                case "user": user = value; break;
                case "password": password = value; break;
                case "driver": driver = value; break;
                case "script": scripts.add(value.split("\n")); break;
                case "absent": absent.add(value.toUpperCase(Locale.ROOT)); break;
                case "place": places.add(value); break;
                case "statement": statements.add(value); break;
                default: throw new IllegalArgumentException("an unknown word in the request");
            }
        }
    }

    private void look() throws Exception {
        for (String[] names : scripts) {
            Path there = null;
            for (String name : names) {
                if (there == null && Files.isRegularFile(Paths.get(name))) {
                    there = Paths.get(name);
                }
            }
            if (there == null) {
                System.out.println("script");
            } else {
                try {
                    String text = Base64.getEncoder().encodeToString(Files.readAllBytes(there));
                    System.out.println("script " + encode(there.toString()) + " " + text);
                } catch (java.io.IOException unreadable) {
                    System.out.println("unreadable " + encode(unreadable.toString()));
                }
            }
        }
        try (Connection connection = connect()) {
            for (String table : tables(connection)) {
                System.out.println("table " + encode(table));
            }
            System.out.println("connected");
        } catch (ClassNotFoundException missing) {
            print("driver", "", "0", driver);
        } catch (SQLException failed) {
            print("failed", failed.getSQLState(), String.valueOf(failed.getErrorCode()), said(failed));
        } catch (RuntimeException | Error failed) {
            print("failed", "", "0", said(failed));
        }
    }

    /** All statements in one transaction: where the database can take back a CREATE TABLE, a failure leaves nothing. */
    private void make() throws Exception {
        try (Connection connection = connect()) {
            TreeSet<String> there = tables(connection);
            there.retainAll(absent);
            if (!there.isEmpty()) {
                refuse("schema-changed-meanwhile", "the table " + there.first()
                        + " has appeared since the database was looked at; nothing was done");
            }
            connection.setAutoCommit(false);
            for (int index = 0; index < statements.size(); index++) {
                try (Statement statement = connection.createStatement()) {
                    // A brace in a statement is the database's own, not one of JDBC's.
                    statement.setEscapeProcessing(false);
                    // One statement may be a batch of several; an error of a later one shows only with its result.
                    boolean rows = statement.execute(statements.get(index));
                    while (rows || statement.getUpdateCount() != -1) {
                        rows = statement.getMoreResults();
                    }
                } catch (SQLException failed) {
                    refuse("schema-statement", places.get(index) + ": " + said(failed) + left(connection));
                }
            }
            connection.commit();
        } catch (SQLException failed) {
            refuse("schema-statement", said(failed));
        }
    }

    /** What of the script stays in the database after a failure. */
    private String left(Connection connection) {
        try {
            connection.rollback();
            TreeSet<String> there = tables(connection);
            there.retainAll(absent);
            if (there.isEmpty()) {
                return "; nothing was left in the database";
            }
            return "; " + there.size() + " of " + absent.size() + " tables were made before it and stay";
        } catch (SQLException failed) {
            return "; it is not known what was left in the database";
        }
    }

    private Connection connect() throws ClassNotFoundException, SQLException {
        Class.forName(driver);
        DriverManager.setLoginTimeout(SECONDS_TO_LOG_IN);
        return DriverManager.getConnection(url, user, password);
    }

    private static TreeSet<String> tables(Connection connection) throws SQLException {
        TreeSet<String> names = new TreeSet<>();
        String catalog = connection.getCatalog();
        try (ResultSet rows = connection.getMetaData().getTables(catalog, connection.getSchema(), "%", null)) {
            while (rows.next()) {
                String kind = rows.getString("TABLE_TYPE");
                // MariaDB's driver says BASE TABLE, PostgreSQL's PARTITIONED TABLE.
                if (kind != null && kind.endsWith("TABLE") && !kind.startsWith("SYSTEM")) {
                    names.add(rows.getString("TABLE_NAME").toUpperCase(Locale.ROOT));
                }
            }
        }
        return names;
    }

    /** What went wrong, in one line: what the driver says, and what lies at the bottom of it. Never the password. */
    private String said(Throwable failed) {
        Throwable bottom = failed;
        while (bottom.getCause() != null && bottom.getCause() != bottom) {
            bottom = bottom.getCause();
        }
        List<String> parts = new ArrayList<>();
        for (Throwable one : Arrays.asList(failed, bottom)) {
            String text = one.getMessage() == null ? one.getClass().getName() : one.getMessage();
            text = text.trim().split("\\R\\s*\\R", 2)[0].replaceAll("\\s+", " ");
            boolean known = false;
            for (String part : parts) {
                known |= part.contains(text);
            }
            if (!known) {
                parts.add(text);
            }
        }
        String text = String.join(": ", parts);
        return password.isEmpty() ? text : text.replace(password, "[redacted]");
    }

    private static void refuse(String code, String sentence) {
        System.err.println("hactl: " + code + ": " + sentence);
        System.err.flush();
        Runtime.getRuntime().halt(1);
    }

    private static void print(String word, String state, String code, String text) {
        System.out.println(word + " " + encode(state == null ? "" : state) + " " + code + " " + encode(text));
    }

    private static String encode(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}
