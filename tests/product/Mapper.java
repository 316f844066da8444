import java.lang.reflect.InvocationTargetException;
import java.nio.file.Path;

/** Lets a pack's own mapper read deployment.toml in each of the given homes and write the files that the server reads. */
public class Mapper {
    public static void main(String[] homes) throws Exception {
        for (String name : homes) {
            Path home = Path.of(name);
            Path conf = home.resolve("repository").resolve("conf");
            System.setProperty("carbon.home", name);
            System.setProperty("carbon.config.dir.path", conf.toString());
            Class<?> mapper = Class.forName("org.wso2.config.mapper.ConfigParser");
            try {
                mapper.getMethod("parse", String.class, String.class, String.class)
                        .invoke(null, conf.resolve("deployment.toml").toString(),
                                home.resolve("repository/resources/conf").toString(), name);
            } catch (InvocationTargetException refused) {
                System.err.println(name + ": " + refused.getCause());
                System.exit(1);
            }
        }
    }
}
