package hall;

import java.util.Calendar;

/** A case as a list shows it. Several cases share one office object, so that rpc/encoded answers refer to it. */
public class CaseInfo implements java.io.Serializable {
    private String id;
    private String item;
    private String applicant;
    private String status;
    private String dataState;
    private String updated;
    private Calendar accepted;
    private String[] materials;
    private Office office;

    public String getId() { return id; }
    public void setId(String id) { this.id = id; }
    public String getItem() { return item; }
    public void setItem(String item) { this.item = item; }
    public String getApplicant() { return applicant; }
    public void setApplicant(String applicant) { this.applicant = applicant; }
    public String getStatus() { return status; }
    public void setStatus(String status) { this.status = status; }
    public String getDataState() { return dataState; }
    public void setDataState(String dataState) { this.dataState = dataState; }
    public String getUpdated() { return updated; }
    public void setUpdated(String updated) { this.updated = updated; }
    public Calendar getAccepted() { return accepted; }
    public void setAccepted(Calendar accepted) { this.accepted = accepted; }
    public String[] getMaterials() { return materials; }
    public void setMaterials(String[] materials) { this.materials = materials; }
    public Office getOffice() { return office; }
    public void setOffice(Office office) { this.office = office; }
}
