package hall;

import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.Collections;
import java.util.Comparator;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;

/** The cases themselves, held in memory: what both services show, and what the test compares with. */
final class Hall {
    static final int COUNT = 130;
    private static final String[] ITEMS = {
        "不动产登记", "食品经营许可", "道路占用审批 <加急>", "户口迁移 & 落户", "养老金申领 \uD83D\uDE00",
    };
    private static final String[] APPLICANTS = {"张三", "\uD842\uDFB7田和子", "O'Neil", "阿卜杜拉·买买提", ""};
    private static final TimeZone BEIJING = TimeZone.getTimeZone("Asia/Shanghai");
    private static final Map<String, CaseInfo> CASES = new LinkedHashMap<String, CaseInfo>();
    private static final Map<String, List<Entry>> ENTRIES = new LinkedHashMap<String, List<Entry>>();
    private static long lastMs;

    private Hall() {}

    static {
        Office[] offices = new Office[3];
        for (int n = 0; n < offices.length; n++) {
            offices[n] = new Office();
            offices[n].setCode("00" + n);
            offices[n].setName(new String[] {"自然资源局", "市场监管局", "公安局"}[n]);
        }
        long began = System.currentTimeMillis() - 3600_000L;
        for (int n = 1; n <= COUNT; n++) {
            CaseInfo one = new CaseInfo();
            one.setId(String.format("12010000202600%07d", n)); // longer than any number of JavaScript's
            one.setItem(ITEMS[n % ITEMS.length]);
            one.setApplicant(APPLICANTS[n % APPLICANTS.length]);
            one.setStatus(n % 4 == 0 ? "办结" : "受理");
            one.setDataState(n % 25 == 0 ? "0" : "1");
            one.setUpdated(written(began + n / 5 * 1000L)); // five share a second
            Calendar accepted = Calendar.getInstance(BEIJING);
            accepted.setTimeInMillis(began - 86_400_000L);
            one.setAccepted(accepted);
            String[] materials = new String[n % 3];
            for (int m = 0; m < materials.length; m++) {
                materials[m] = "材料" + (m + 1) + "：" + n;
            }
            one.setMaterials(materials);
            one.setOffice(offices[n % offices.length]);
            CASES.put(one.getId(), one);
        }
    }

    static synchronized CasePage page(int page, int size, String since) {
        List<CaseInfo> found = new ArrayList<CaseInfo>();
        for (CaseInfo one : CASES.values()) {
            if (since == null || since.isEmpty() || one.getUpdated().compareTo(since) >= 0) {
                found.add(one);
            }
        }
        Collections.sort(found, new Comparator<CaseInfo>() {
            public int compare(CaseInfo a, CaseInfo b) {
                int byTime = a.getUpdated().compareTo(b.getUpdated());
                return byTime != 0 ? byTime : a.getId().compareTo(b.getId());
            }
        });
        CasePage made = new CasePage();
        made.setTotal(found.size());
        int from = Math.min((page - 1) * size, found.size());
        made.setRows(found.subList(from, Math.min(from + size, found.size())).toArray(new CaseInfo[0]));
        return made;
    }

    static synchronized CaseInfo get(String id) {
        CaseInfo found = CASES.get(id);
        if (found == null) {
            throw new IllegalArgumentException("办件不存在");
        }
        return found;
    }

    static synchronized void change(String id, String status, String dataState) {
        CaseInfo one = get(id);
        one.setStatus(status);
        one.setDataState(dataState);
        lastMs = Math.max(System.currentTimeMillis(), lastMs);
        one.setUpdated(written(lastMs));
    }

    static synchronized int write(String id, String serial, String state) {
        get(id);
        if (!ENTRIES.containsKey(id)) {
            ENTRIES.put(id, new ArrayList<Entry>());
        }
        Entry entry = new Entry();
        entry.setSerial(serial);
        entry.setState(state);
        ENTRIES.get(id).add(entry);
        return ENTRIES.get(id).size();
    }

    static synchronized Entry[] entries(String id) {
        List<Entry> found = ENTRIES.get(id);
        return found == null ? new Entry[0] : found.toArray(new Entry[0]);
    }

    /** Everything, a case a line, in plain ASCII: what the test believes. */
    static synchronized String ledger() {
        StringBuilder made = new StringBuilder();
        for (CaseInfo one : CASES.values()) {
            String[] cells = {
                one.getId(), one.getItem(), one.getApplicant(), one.getStatus(), one.getDataState(),
                one.getOffice().getName(), String.valueOf(one.getMaterials().length),
                String.valueOf(entries(one.getId()).length),
            };
            for (String cell : cells) {
                for (char letter : cell.toCharArray()) {
                    made.append(letter < 128 && letter != '|' ? String.valueOf(letter)
                        : String.format("\\u%04x", (int) letter));
                }
                made.append('|');
            }
            made.append('\n');
        }
        return made.toString();
    }

    private static String written(long ms) {
        SimpleDateFormat format = new SimpleDateFormat("yyyy-MM-dd HH:mm:ss");
        format.setTimeZone(BEIJING);
        return format.format(new Date(ms));
    }
}
