# What `mitmdump -s $(exfilter-mitmproxy)` loads. It stands in a folder of its own because mitmproxy puts the folder of a script at the front of sys.path, where the
# package's modules would shadow those that they are named after.
from exfilter.mitmproxy import Exfilter

addons = [Exfilter()]
