package hall;

import java.io.UnsupportedEncodingException;
import java.util.HashMap;
import java.util.Map;
import java.util.Vector;
import javax.activation.DataHandler;
import javax.mail.util.ByteArrayDataSource;

/** The service of 2008: beans, a Map, an XML document in a string, an attachment, and a write. */
public class CaseService {
    public CasePage list(int page, int size, String since) {
        return Hall.page(page, size, since);
    }

    /** The same as an XML document in a string, declared GBK as its client expects. */
    public String listXml(int page, int size, String since) {
        CasePage found = Hall.page(page, size, since);
        StringBuilder made = new StringBuilder("<?xml version=\"1.0\" encoding=\"GBK\"?><result>");
        made.append("<total>").append(found.getTotal()).append("</total>");
        for (CaseInfo one : found.getRows()) {
            made.append("<case><id>").append(one.getId()).append("</id><item>").append(escaped(one.getItem()));
            made.append("</item><applicant>").append(escaped(one.getApplicant())).append("</applicant><status>");
            made.append(one.getStatus()).append("</status><updated>").append(one.getUpdated());
            made.append("</updated><dataState>").append(one.getDataState()).append("</dataState></case>");
        }
        return made.append("</result>").toString();
    }

    /** What else is known of a case. */
    public Map facts(String id) {
        CaseInfo one = Hall.get(id);
        Map<String, Object> made = new HashMap<String, Object>();
        made.put("caseNo", id);
        made.put("itemCode", "11" + id.substring(id.length() - 4));
        made.put("promised", "2026-12-31");
        Vector<String> steps = new Vector<String>();
        steps.add("收件");
        steps.add(one.getStatus());
        made.put("steps", steps);
        return made;
    }

    /** A sheet as an attachment: an XML file in GBK. */
    public DataHandler sheet(String id) throws UnsupportedEncodingException {
        String text = "<?xml version=\"1.0\" encoding=\"GBK\"?><sheet><no>" + id + "</no><remark>受理通知书："
            + escaped(Hall.get(id).getItem()) + "</remark></sheet>";
        return new DataHandler(new ByteArrayDataSource(text.getBytes("GBK"), "application/octet-stream"));
    }

    /** Every call is an entry of its own: the same result twice is two. */
    public String saveResult(String id, String serial, String state) {
        return "OK:" + Hall.write(id, serial, state);
    }

    public Entry[] entries(String id) {
        return Hall.entries(id);
    }

    /** The staff's: not part of what an integrator may call. */
    public void change(String id, String status, String dataState) {
        Hall.change(id, status, dataState);
    }

    public String ledger() {
        return Hall.ledger();
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;");
    }
}
