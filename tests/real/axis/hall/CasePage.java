package hall;

/** One page of cases, and how many there are in all. */
public class CasePage implements java.io.Serializable {
    private int total;
    private CaseInfo[] rows;

    public int getTotal() { return total; }
    public void setTotal(int total) { this.total = total; }
    public CaseInfo[] getRows() { return rows; }
    public void setRows(CaseInfo[] rows) { this.rows = rows; }
}
