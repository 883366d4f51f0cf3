package hall;

/** What somebody reported about a case, as it was written. */
public class Entry implements java.io.Serializable {
    private String serial;
    private String state;

    public String getSerial() { return serial; }
    public void setSerial(String serial) { this.serial = serial; }
    public String getState() { return state; }
    public void setState(String state) { this.state = state; }
}
