"""The shipped configuration with a few settings laid over it."""
from pathlib import Path

from servers import ROOT


def lua(value):
    """A Python value as Lua's literal."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(map(lua, value)) + " }"
    if isinstance(value, (str, Path)):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def laid_over(folder, **tables):
    """laid_over(folder, listen={"deny": [...]}) writes the file and names it."""
    lines = [line for table, settings in tables.items() for line in
             [f"conf.{table} = conf.{table} or {{}}",
              *(f"conf.{table}.{name} = {lua(value)}"
                for name, value in settings.items())]]
    path = Path(folder) / "camgate.lua"
    path.write_text("local conf = (function()\n" + (ROOT / "etc/camgate.lua").read_text()
                    + "\nend)()\n" + "\n".join(lines) + "\nreturn conf\n")
    return path
