# Turns the package records of `apt-cache dumpavail` (deb822: "Field: value", a blank line ends a record) into two
# files in COPY's text format, DIR/package.copy and DIR/dependency.copy:
#   apt-cache dumpavail | awk -v dir=DIR -f catalogue.awk

function copy_text(s) {
    # COPY reads \, tab and line ends as its own; nearly no value has one, so look before replacing.
    if (s ~ /[\\\t\r\n]/) {
        # && doubles what was found; awks do not agree on backslashes in a replacement.
        gsub(/\\/, "&&", s)
        gsub(/\t/, "\\t", s)
        gsub(/\r/, "\\r", s)
        gsub(/\n/, "\\n", s)
    }
    return s
}

function copy_value(field) {
    return (field in value) && value[field] != "" ? copy_text(value[field]) : "\\N"
}

# "libc6 (>= 2.34), mail-transport-agent | postfix:any" names three packages.
function write_dependencies(field, kind,    parts, n, i, name) {
    if (!(field in value))
        return
    n = split(value[field], parts, / *[,|][ \n]*/)
    for (i = 1; i <= n; i++) {
        name = parts[i]
        sub(/[ :(].*/, "", name)
        if (name != "")
            print copy_text(value["Package"]), copy_text(name), kind > dependency_file
    }
}

# apt-cache writes one candidate per package and architecture, the machine's own architecture first.
function end_record() {
    if (value["Package"] != "" && value["Version"] != "" && !(value["Package"] in seen)) {
        seen[value["Package"]]
        sub(/ *<[^>]*>.*$/, "", value["Maintainer"])
        gsub(/"/, "", value["Maintainer"])
        sub(/^.*\//, "", value["Section"])
        print copy_value("Package"), copy_value("Version"), copy_value("Architecture"), copy_value("Section"),
            copy_value("Priority"), copy_value("Installed-Size"), copy_value("Maintainer"), copy_value("Homepage"),
            copy_value("Description") > package_file
        write_dependencies("Pre-Depends", "depends")
        write_dependencies("Depends", "depends")
        write_dependencies("Recommends", "recommends")
        write_dependencies("Suggests", "suggests")
    }
    # The portable way to empty an array.
    split("", value)
    field = ""
}

BEGIN {
    OFS = "\t"
    package_file = dir "/package.copy"
    dependency_file = dir "/dependency.copy"
    # Both files exist afterwards, whatever the input.
    printf "" > package_file
    printf "" > dependency_file
    n = split("Package Version Architecture Section Priority Installed-Size Maintainer Homepage Description " \
              "Pre-Depends Depends Recommends Suggests", names, " ")
    for (i = 1; i <= n; i++)
        wanted[names[i]]
}

/^$/ { end_record(); next }

# A continued line. Of a description the first line, its summary, is enough: the rest is missing on most machines.
/^[ \t]/ {
    if (field != "" && field != "Description")
        value[field] = value[field] $0
    next
}

{
    colon = index($0, ":")
    field = substr($0, 1, colon - 1)
    # apt writes a translated summary as Description-en, on machines that keep it in the record.
    if (field == "Description-en")
        field = "Description"
    if (!(field in wanted)) {
        field = ""
        next
    }
    text = substr($0, colon + 1)
    sub(/^[ \t]+/, "", text)
    sub(/[ \t]+$/, "", text)
    value[field] = text
}

END { end_record() }
